#include "server/announced_group.h"

#include <chrono>
#include <string>
#include <utility>
#include <vector>

#include "server/identity.h"

namespace quorate::server {
namespace {

std::string_view words_of(group::SnapshotNews::What what) {
  using What = group::SnapshotNews::What;
  switch (what) {
    case What::sending: return "sending a snapshot";
    case What::sent: return "snapshot sent";
    case What::not_sent: return "snapshot not sent";
    case What::receiving: return "receiving a snapshot";
    case What::received: return "snapshot installed";
    case What::not_received: return "snapshot not installed; the present state stays";
  }
  return "snapshot";
}

std::string list(const std::vector<NodeId>& nodes) {
  std::string text;
  for (const NodeId node : nodes) {
    text += (text.empty() ? "" : ",") + hex_id(node.value());
  }
  return text.empty() ? "none" : text;
}

}  // namespace

AnnouncedGroup::AnnouncedGroup(GroupId group, service::KvService& service, EventLog& log, bool quiet,
                               std::function<void()> learn_members)
    : group_(group), service_(service), log_(log), quiet_(quiet), learn_members_(std::move(learn_members)) {}

void AnnouncedGroup::on_role_changed(const consensus::RoleChanged& change) {
  leader_changes_ += change.to == consensus::Role::leader || !change.leader.is_none() ? 1 : 0;
  if (!quiet_) {
    log_.info("role changed", {{"group", std::to_string(group_.value())},
                               {"from", std::string(name_of(change.from))},
                               {"to", std::string(name_of(change.to))},
                               {"term", std::to_string(change.tag.value())},
                               {"leader", change.leader.is_none() ? "none" : hex_id(change.leader.value())},
                               {"why", std::string(change.why)}});
  }
  service_.on_role_changed(change);
}

void AnnouncedGroup::on_dropped(Context context, consensus::Dropped::Outcome outcome) {
  service_.on_dropped(context, outcome);
}

void AnnouncedGroup::on_configuration_changed(const consensus::ConfigurationChanged& change) {
  if (!quiet_) {
    log_.info(change.committed ? "membership decided" : "membership in use",
              {{"group", std::to_string(group_.value())},
               {"voters", list(change.membership.voters)},
               {"leaving", list(change.membership.outgoing_voters)},
               {"learners", list(change.membership.learners)},
               {"position", std::to_string(change.id.position.value())}});
  }
  service_.on_configuration_changed(change);
  if (change.committed && change.id.position <= service_.store().executed()) {
    learn_members_();
  }
}

void AnnouncedGroup::on_reconfiguration_refused(Context context, consensus::ReconfigureRefusal why) {
  service_.on_reconfiguration_refused(context, why);
}

void AnnouncedGroup::on_read_ready(Context context) { service_.on_read_ready(context); }

void AnnouncedGroup::on_service_message(NodeId from, Buffer message) {
  service_.on_service_message(from, std::move(message));
}

void AnnouncedGroup::on_peer_down(NodeId node) { service_.on_peer_down(node); }

void AnnouncedGroup::on_loss_made_good() {
  log_.info("repaired: this member has everything again", {{"group", std::to_string(group_.value())}});
}

void AnnouncedGroup::on_snapshot_news(const group::SnapshotNews& news) {
  const auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(news.took).count();
  log_.info(words_of(news.what), {{"group", std::to_string(group_.value())},
                                  {"peer", hex_id(news.peer.value())},
                                  {"position", std::to_string(news.position.value())},
                                  {"records", std::to_string(news.records)},
                                  {"bytes", std::to_string(news.bytes)},
                                  {"ms", std::to_string(ms)},
                                  {"why", std::string(news.why)}});
}

}  // namespace quorate::server
