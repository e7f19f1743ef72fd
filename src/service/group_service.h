#pragma once
// The service of one group on one node: takes requests, hands each to the worker for its kind, and the events of the
// replica and the store to whom they concern.
//
// Invariants: those of kv_service.h. Timers run only while something waits: an idle group costs nothing.
// Owned by `server` or `sim`, on the node's loop.

#include <memory>
#include <vector>

#include "service/compaction.h"
#include "service/courier.h"
#include "service/hand_over.h"
#include "service/kv_service.h"
#include "service/leases.h"
#include "service/members.h"
#include "service/parts.h"
#include "service/reads.h"
#include "service/watchers.h"
#include "service/writes.h"

namespace quorate::service {

class GroupService final : public KvService, private CourierEvents {
 public:
  GroupService(ServiceConfig config, GroupId group, NodeId self, Incarnation incarnation, const env::Clock& clock,
               env::Loop& loop, TraceSink& traces);
  ~GroupService() override;
  GroupService(const GroupService&) = delete;
  GroupService& operator=(const GroupService&) = delete;

  void attach(group::Replica& replica, kv::Store& store) override;

  Ticket range(Buffer request, Instant deadline, AnswerTo to) override;
  Ticket put(Buffer request, Instant deadline, AnswerTo to) override;
  Ticket delete_range(Buffer request, Instant deadline, AnswerTo to) override;
  Ticket txn(Buffer request, Instant deadline, AnswerTo to) override;
  Ticket compact(Buffer request, Instant deadline, AnswerTo to) override;
  Ticket lease_grant(Buffer request, Instant deadline, AnswerTo to) override;
  Ticket lease_revoke(Buffer request, Instant deadline, AnswerTo to) override;
  Ticket lease_keep_alive(Buffer request, Instant deadline, AnswerTo to) override;
  Ticket lease_time_to_live(Buffer request, Instant deadline, AnswerTo to) override;
  Ticket lease_leases(Buffer request, Instant deadline, AnswerTo to) override;
  Ticket alarm(Buffer request, Instant deadline, AnswerTo to) override;
  Ticket hash_kv(Buffer request, Instant deadline, AnswerTo to) override;
  Ticket barrier_read(Instant deadline, AnswerTo to) override;
  Ticket publish_member(Buffer member, Instant deadline, AnswerTo to) override;
  Ticket move_leader(NodeId to, Instant deadline, AnswerTo to_whom) override;
  void pin_records(Callback<group::PinnedRecords> to) override { parts_.replica->pin_records(to); }
  Ticket change_members(MemberChange change, Instant deadline, AnswerTo to) override;
  [[nodiscard]] std::vector<consensus::Contact> contacts() const override { return parts_.replica->contacts(); }
  [[nodiscard]] std::vector<consensus::MemberProgress> progress() const override { return parts_.replica->progress(); }
  void abandon(Ticket ticket) override;

  [[nodiscard]] WatchHub& watches() override { return watchers_; }
  [[nodiscard]] quorum::PhaseSizes quorum_sizes() const override { return parts_.config.quorum_sizes; }
  [[nodiscard]] consensus::CoreStatus status() const override { return parts_.replica->status(); }
  [[nodiscard]] const kv::Store& store() const override { return *parts_.store; }
  void shut_down() override;

  // group::GroupEvents
  void on_role_changed(const consensus::RoleChanged& change) override;
  void on_dropped(Context context, consensus::Dropped::Outcome outcome) override;
  void on_read_ready(Context context) override;
  void on_service_message(NodeId from, Buffer message) override;
  void on_peer_down(NodeId node) override;
  void on_configuration_changed(const consensus::ConfigurationChanged& change) override;
  void on_reconfiguration_refused(Context context, consensus::ReconfigureRefusal why) override;

  // kv::StoreObserver
  [[nodiscard]] bool wants_reply(const kv::RequestId& request) const override;
  void on_reply(const kv::RequestId& request, kv::Reply reply) override;
  void on_events(std::int64_t revision, std::span<const kv::Event> events) override;
  void on_lease_granted(const kv::LeaseInfo& lease) override;
  void on_lease_revoked(std::int64_t lease) override;
  void on_compacted(std::int64_t revision) override;
  void on_replaced(std::int64_t revision) override;

 private:
  // CourierEvents
  void on_item(NodeId from, Incarnation life, const Item& item, const Buffer& message) override;
  void on_reachable(NodeId node) override;
  void on_not_sent(NodeId to, const Item& item) override;

  Ticket write(kv::CommandKind kind, Buffer request, kv::Failure invalid, Instant deadline, AnswerTo to);
  Ticket read(RequestKind kind, Buffer request, bool is_local, Instant deadline, AnswerTo to);
  Ticket refuse(Outcome outcome, kv::Failure failure, AnswerTo to);
  Ticket answer_now(Buffer body, AnswerTo to);
  /// The round of something that is no read of the store succeeded.
  void on_confirmed(std::uint64_t, Request& request);
  /// Lets the timers run if something waits for them. Called after whatever may have made something wait.
  void keep_timers();
  void on_deadline_timer(std::uint64_t);
  void on_retry_timer(std::uint64_t);

  Parts parts_;
  Courier courier_;
  Writes writes_;
  Reads reads_;
  Leases leases_;
  Compaction compaction_;
  HandOver hand_over_;
  Members members_;
  Watchers watchers_;
  env::TimerId deadline_timer_ = 0;
  Instant deadline_armed_;
  env::TimerId retry_timer_ = 0;
  std::vector<Ticket> due_;
};

}  // namespace quorate::service
