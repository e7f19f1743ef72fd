#pragma once
// Leases of one group: keep-alives and questions go to the node that leads, which answers from memory once a read round
// has confirmed that it leads; what expired is revoked through the log.
//
// Invariants: 1. a keep-alive is granted only by a node that a majority took for the leader after the keep-alive came:
//                any later leader gives the lease its full time again (E-03 to E-05). 2. an expired lease has at most
//                one revocation on its way; it is void in any other term than the one that saw the lease expire.
//             3. revocations on their way are bounded.
// Owned by the group's service, on the loop. Facts: section 2.9 of etcd's facts.

#include <set>
#include <vector>

#include "service/courier.h"
#include "service/lease_keeper.h"
#include "service/parts.h"
#include "service/reads.h"
#include "service/writes.h"

namespace quorate::service {

class Leases {
 public:
  Leases(Parts& parts, Courier& courier, Reads& reads, Writes& writes)
      : parts_(parts), courier_(courier), reads_(reads), writes_(writes) {}

  /// `kind`: keep_alive or time_to_live.
  Ticket ask(RequestKind kind, Buffer request, Instant deadline, AnswerTo to);
  Ticket grant(Buffer request, Instant deadline, AnswerTo to);
  /// The encoded list of all leases; the order of expiry on the leader.
  [[nodiscard]] Buffer list() const;

  /// The round of a question succeeded.
  void on_confirmed(std::uint64_t, Request& request);
  void on_deadline(Request& request);
  void on_role_changed();
  void on_granted(const kv::LeaseInfo& lease);
  void on_revoked(std::int64_t id);
  /// Questions that found no leader, or no answer for a while, are asked again.
  void retry();
  [[nodiscard]] bool has_waiting() const { return !outside_.empty(); }
  void shut_down();

  // Between services.
  void on_question(NodeId from, Incarnation life, const Item& item, const Buffer& message);
  void on_answer(Request& request, const Item& item, const Buffer& message);
  void on_refused(Request& request, const Item& item);

 private:
  void route(Request& request);
  void leave_outside(Request& request, Stage stage);
  void arm_check();
  void check(std::uint64_t);
  void revoke(std::int64_t id);
  void on_revoke_done(std::uint64_t id, const Answer& answer);

  Parts& parts_;
  Courier& courier_;
  Reads& reads_;
  Writes& writes_;
  LeaseKeeper keeper_;
  bool is_keeping_ = false;  ///< this node leads
  Tag keeping_in_;
  std::set<std::int64_t> revoking_;  ///< on their way through the log, of this reign or an earlier one
  env::TimerId check_timer_ = 0;
  Instant check_due_;
  std::vector<Ticket> outside_;  ///< questions that wait or are with another node
};

}  // namespace quorate::service
