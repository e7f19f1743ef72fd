#pragma once
// What a group tells its service, told to people as well: roles, memberships and the course of snapshots become log
// lines.
//
// Owned by the node, on its loop; the service and the log outlive it.

#include <cstdint>
#include <functional>

#include "group/host.h"
#include "server/event_log.h"
#include "service/kv_service.h"

namespace quorate::server {

class AnnouncedGroup final : public group::GroupEvents {
 public:
  /// `quiet`: with many groups a line per change and group would drown the rest. `learn_members` is called when a
  /// snapshot has brought a membership.
  AnnouncedGroup(GroupId group, service::KvService& service, EventLog& log, bool quiet,
                 std::function<void()> learn_members);

  void on_role_changed(const consensus::RoleChanged& change) override;
  void on_dropped(Context context, consensus::Dropped::Outcome outcome) override;
  void on_configuration_changed(const consensus::ConfigurationChanged& change) override;
  void on_reconfiguration_refused(Context context, consensus::ReconfigureRefusal why) override;
  void on_read_ready(Context context) override;
  void on_service_message(NodeId from, Buffer message) override;
  void on_peer_down(NodeId node) override;
  void on_loss_made_good() override;
  void on_snapshot_news(const group::SnapshotNews& news) override;

  /// How often somebody was found to lead.
  [[nodiscard]] std::uint64_t leader_changes() const { return leader_changes_; }

 private:
  GroupId group_;
  service::KvService& service_;
  EventLog& log_;
  bool quiet_;
  std::function<void()> learn_members_;
  std::uint64_t leader_changes_ = 0;
};

}  // namespace quorate::server
