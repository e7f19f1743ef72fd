#pragma once
// What a front end calls: the replicated key-value store of one group, on any node.
//
// A request is validated here, then: writes go to the leader (proposed here, or forwarded once) and are answered when
// THIS node has executed them; linearizable reads take a read-index round; serializable reads are answered at once.
// What may have been placed is never sent again: its outcome is unknown and the client is told so.
//
// Invariants: 1. every accepted request is answered exactly once, by its deadline at the latest. 2. a write is answered
//                with success only after this replica executed it. 3. queues are bounded: beyond them
//                `too_many_requests`.
// Owned by `server` or `sim`, on the node's loop. Bytes are the client's protobuf messages, unchanged.

#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/ids.h"
#include "base/time.h"
#include "env/clock.h"
#include "env/entropy.h"
#include "env/loop.h"
#include "group/host.h"
#include "service/member_change.h"
#include "state/kv/store.h"

namespace quorate::service {

/// Why the service could not answer; a superset of kv::Failure's reasons. `api/etcd` gives code and text.
enum class Outcome : std::uint8_t {
  ok,
  failed,                 ///< see Answer::failure: the state machine or validation refused
  no_leader,              ///< nothing was proposed
  leader_changed,         ///< a read was in flight
  timed_out,              ///< unknown for writes
  timed_out_leader_lost,  ///< unknown; began just before the present leader was elected
  timed_out_connection,   ///< unknown; no connection to the leader
  too_many_requests,
  request_too_large,
  no_space,            ///< an alarm is raised
  corrupt,             ///< an alarm is raised
  not_leader,          ///< only the leader hands over
  bad_transferee,      ///< who shall lead does not vote
  timed_out_transfer,  ///< it may still happen
  stopped,
  bad_member_change,  ///< not a readable one
  member_not_found,
  peer_url_exists,     ///< another member has it
  too_many_members,    ///< consensus::kMaxMembers
  too_many_learners,   ///< as the request allowed
  not_enough_started,  ///< of the members that would be left, or be needed
  unhealthy_cluster,   ///< so many members are not reachable that the change might stop the group
  not_a_learner,
  learner_not_ready,   ///< it has not caught up
  quorums_do_not_fit,  ///< ServiceConfig::quorum_sizes are not for so many voters
};
inline constexpr Outcome kLastOutcome = Outcome::quorums_do_not_fit;

struct Answer {
  Outcome outcome = Outcome::ok;
  kv::Failure failure = kv::Failure::none;
  std::int64_t revision = 0;
  Tag term;     ///< for the response header
  Buffer body;  ///< encoded response fields other than the header
};

/// Who waits for an answer: an object and its word for the request.
using AnswerTo = Callback<const Answer&>;

/// Names a request so that it can be abandoned.
using Ticket = std::uint64_t;

struct ServiceConfig {
  Duration request_timeout = std::chrono::seconds(7);  ///< 5 s + 2 x election timeout
  std::size_t max_request_bytes = 1'572'864;
  std::uint32_t max_txn_ops = 128;
  std::size_t max_pending_requests = 20'000;
  std::uint64_t max_unexecuted_entries = 5'000;  ///< committed here and not executed: more refuses clients' writes
  std::size_t max_pending_bytes = 256U << 20;
  std::uint64_t quota_bytes = 2ULL << 30;  ///< 0: none
  quorum::PhaseSizes quorum_sizes;         ///< as CoreConfig's
  Duration election_timeout = std::chrono::milliseconds(1000);
  Duration lease_check_interval = std::chrono::milliseconds(500);
  std::size_t lease_revokes_per_check = 500;
  Duration progress_interval = std::chrono::minutes(10);
};

class WatchHub;  // service/watch_hub.h

class KvService : public group::GroupEvents, public kv::StoreObserver {
 public:
  [[nodiscard]] static std::unique_ptr<KvService> make(ServiceConfig config, GroupId group, NodeId self,
                                                       Incarnation incarnation, const env::Clock& clock,
                                                       env::Loop& loop, TraceSink& traces);

  /// Wires the service to its replica and state machine; before Host::start().
  virtual void attach(group::Replica& replica, kv::Store& store) = 0;

  // ---- requests; `request` is the encoded etcdserverpb message; the answer comes later, never inside the call --
  virtual Ticket range(Buffer request, Instant deadline, AnswerTo to) = 0;
  virtual Ticket put(Buffer request, Instant deadline, AnswerTo to) = 0;
  virtual Ticket delete_range(Buffer request, Instant deadline, AnswerTo to) = 0;
  virtual Ticket txn(Buffer request, Instant deadline, AnswerTo to) = 0;
  virtual Ticket compact(Buffer request, Instant deadline, AnswerTo to) = 0;
  virtual Ticket lease_grant(Buffer request, Instant deadline, AnswerTo to) = 0;
  virtual Ticket lease_revoke(Buffer request, Instant deadline, AnswerTo to) = 0;
  /// LeaseKeepAliveRequest: forwarded to the leader, TTL 0 if unknown or expired.
  virtual Ticket lease_keep_alive(Buffer request, Instant deadline, AnswerTo to) = 0;
  virtual Ticket lease_time_to_live(Buffer request, Instant deadline, AnswerTo to) = 0;
  virtual Ticket lease_leases(Buffer request, Instant deadline, AnswerTo to) = 0;
  /// AlarmRequest; GET is a local read, the others are replicated.
  virtual Ticket alarm(Buffer request, Instant deadline, AnswerTo to) = 0;
  virtual Ticket hash_kv(Buffer request, Instant deadline, AnswerTo to) = 0;
  /// A linearizable round without a read: for MemberList, health and "ready to serve".
  virtual Ticket barrier_read(Instant deadline, AnswerTo to) = 0;
  /// Replicates this node's etcdserverpb.Member (name and client URLs), which also proves that a majority writes. Used
  /// at every start ("ready to serve client requests"); publishing the same again changes nothing.
  virtual Ticket publish_member(Buffer member, Instant deadline, AnswerTo to) = 0;

  /// Hands leadership over to `to`; only on the leader. Answered when `to` leads.
  virtual Ticket move_leader(NodeId to, Instant deadline, AnswerTo to_whom) = 0;

  /// A view of the group's records for a backup: see group::Replica. `to` ignores what it no longer wants.
  virtual void pin_records(Callback<group::PinnedRecords> to) = 0;
  /// Changes who takes part; on any node. Success: committed, the joint state left, executed here.
  virtual Ticket change_members(MemberChange change, Instant deadline, AnswerTo to) = 0;
  /// Where the members are found, as this node knows it.
  [[nodiscard]] virtual std::vector<consensus::Contact> contacts() const = 0;
  /// On the leader: how far every other member is.
  [[nodiscard]] virtual std::vector<consensus::MemberProgress> progress() const = 0;
  [[nodiscard]] virtual quorum::PhaseSizes quorum_sizes() const = 0;

  /// The client went away: no answer will come. What was proposed may still happen.
  virtual void abandon(Ticket ticket) = 0;

  [[nodiscard]] virtual WatchHub& watches() = 0;
  [[nodiscard]] virtual consensus::CoreStatus status() const = 0;
  [[nodiscard]] virtual const kv::Store& store() const = 0;
  /// Answers everything that waits with `stopped`; refuses what comes.
  virtual void shut_down() = 0;
};

}  // namespace quorate::service
