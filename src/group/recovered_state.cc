#include "group/recovered_state.h"

#include <string>

#include "consensus/contract/membership_codec.h"

namespace quorate::group {
namespace {

constexpr std::string_view kRemedy =
    " Other members still have the data: keep a copy of this node's data directory, and bring it back from a backup "
    "made "
    "while the node was stopped. Starting it as it is could lose acknowledged writes.";

std::string number(Position position) { return std::to_string(position.value()); }

std::unexpected<Error> damaged(GroupId group, const std::string& what) {
  return fail(ErrorCode::corrupt, "group " + std::to_string(group.value()) + ": " + what + std::string(kRemedy));
}

Status check_meets(GroupId group, Position discarded, Position last, Position applied) {
  if (applied < discarded) {
    return damaged(group, "the log begins behind position " + number(discarded) + ", but the records end at position " +
                              number(applied) +
                              ": what lies between is missing, so the record store was damaged or "
                              "replaced by an older one.");
  }
  if (applied > last) {
    return damaged(group, "the records contain position " + number(applied) + ", but the log ends at position " +
                              number(last) +
                              ": the log has lost entries that it had confirmed, or belongs to "
                              "another state of this node.");
  }
  return {};
}

}  // namespace

Result<consensus::PersistedState> make_persisted_state(GroupId group, const storage::RecoveredGroup* recovered,
                                                       Position applied, bool uncertain_tail) {
  consensus::PersistedState state;
  state.applied = applied;
  state.uncertain_tail = uncertain_tail;
  if (recovered == nullptr) {
    QUORATE_TRY(check_meets(group, Position(), Position(), applied));
    return state;
  }
  state.state = recovered->state;
  state.discarded = recovered->discarded;
  state.cells = recovered->cells;
  if (!recovered->discarded_blob.empty()) {
    std::optional<consensus::Membership> membership = consensus::decode_membership(recovered->discarded_blob.view());
    if (!membership.has_value()) {
      return damaged(group, "the membership kept with the log's beginning does not read.");
    }
    state.membership = std::move(*membership);
  }
  Position last = recovered->discarded.position;
  state.log.reserve(recovered->entries.size());
  for (const storage::LogEntry& entry : recovered->entries) {
    if (entry.id.position <= last || entry.kind > static_cast<std::uint8_t>(consensus::EntryKind::configuration)) {
      return damaged(group, "the log's entry at position " + number(entry.id.position) +
                                " is out of order or of an "
                                "unknown kind.");
    }
    last = entry.id.position;
    const auto kind = static_cast<consensus::EntryKind>(entry.kind);
    state.log.push_back({entry.id, kind, kind == consensus::EntryKind::configuration ? entry.payload : Buffer()});
  }
  QUORATE_TRY(check_meets(group, recovered->discarded.position, last, applied));
  return state;
}

}  // namespace quorate::group
