#include "server/damage_report.h"

#include <algorithm>

namespace quorate::server {
namespace {

constexpr std::size_t kPlacesNamed = 8;

std::string lost_words(const consensus::Loss& loss) {
  const std::string end = std::to_string(loss.end.position.value());
  return loss.kind == consensus::Loss::Kind::tail
             ? "entries of the log, which once ended at position " + end + "; the vote is whole"
             : "it is not known what was acknowledged or voted for; the log once had position " + end + ", or more";
}

}  // namespace

void report_damage(const storage::Recovery& recovery, EventLog& log) {
  const std::size_t named = std::min(recovery.damage.size(), kPlacesNamed);
  for (std::size_t i = 0; i < named; ++i) {
    log.error("the write-ahead log is damaged", {{"where", recovery.damage[i]}});
  }
  if (named < recovery.damage.size()) {
    log.error("the write-ahead log is damaged",
              {{"where", "and in more places"}, {"places", std::to_string(recovery.damage.size())}});
  }
}

void report_records_laid_aside(const Error& why, const std::string& aside, EventLog& log) {
  log.error("the record store is damaged",
            {{"where", why.text},
             {"laid_aside_as", aside},
             {"do",
              "nothing for the data: the others bring it; look at the disk, and remove what was laid aside when this "
              "member is repaired"}});
}

void report_loss(GroupId group, const consensus::CoreStatus& status, EventLog& log) {
  const bool votes = status.loss.kind == consensus::Loss::Kind::tail;
  log.error(
      "this member waits for repair by the others",
      {{"group", std::to_string(group.value())},
       {"lost", lost_words(status.loss)},
       {"until_then", votes ? "it does not lead" : "it neither votes nor leads nor counts for a majority"},
       {"do", status.leader.is_none()
                  ? "start the other members: whoever has what is lost sends it, and undamaged ones repair this one by "
                    "themselves if they are a majority (or --phase-1-quorum); if they are fewer, keep copies of all "
                    "data directories and restore a backup"
                  : "nothing: the leader is sending what is missing"}});
}

}  // namespace quorate::server
