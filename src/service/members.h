#pragma once
// Changes of the group's membership: planned and placed by the node that leads, one after the other, and answered where
// they were asked.
//
//             forwarded                leads: planned         placed        committed, not joint
//   waiting ------------> forwarded    waiting --------> proposed ------> proposed ------> answered (a foreign one)
//      ^ refused, not sent |               ^ refused for now |                          \-> barrier -> answered
//      +-------------------+               +-----------------+
//
// Invariants: 1. a wish is given to another node or to the core again only if it surely was not placed. 2. success
// means
//                that the change is committed, that the joint state is left, and that the node that answers has
//                executed it. 3. at most one change of this node is with the core. 4. who was added as a voter votes
//                when it has caught up, whoever leads then: the membership's contacts say so.
// Owned by the group's service, on the loop.

#include <optional>
#include <vector>

#include "service/courier.h"
#include "service/member_change.h"
#include "service/member_plan.h"
#include "service/parts.h"
#include "service/reads.h"

namespace quorate::service {

class Members {
 public:
  Members(Parts& parts, Courier& courier, Reads& reads) : parts_(parts), courier_(courier), reads_(reads) {}

  Ticket ask(MemberChange change, Instant deadline, AnswerTo to);
  /// The barrier behind a change succeeded.
  void on_confirmed(Request& request);
  void on_deadline(Request& request);

  // Events of the replica.
  void on_role_changed();
  void on_configuration_changed(const consensus::ConfigurationChanged& change);
  void on_refused_by_core(Context context, consensus::ReconfigureRefusal why);
  /// False if `context` names no change.
  bool on_dropped(Context context);
  void retry();
  [[nodiscard]] bool has_waiting() const { return !waiting_.empty() || !joining_.empty(); }

  // Between services.
  void on_question(NodeId from, Incarnation life, const Item& item, const Buffer& message);
  void on_answer(Request& request, const Item& item);
  void on_refused(Request& request, const Item& item);

 private:
  /// The change that is with the core.
  struct Active {
    Ticket ticket = 0;  ///< 0: nobody asked for it
    Context context;    ///< none: nothing is with the core
    consensus::Membership target;
    Position placed;  ///< none: not yet
    Tag term;         ///< of the reign in which it was asked for
  };

  void route(Request& request);
  void plan(Request& request);
  [[nodiscard]] MemberView look() const;
  void place(MemberPlan next, Ticket ticket);
  void note_joining();
  /// Lets a member vote that was added for that and has caught up by now.
  void promote_joining();
  void wait(Request& request);
  /// Answers what a leader was asked for that leads no more and cannot answer, from what is committed by now.
  void settle_forwarded();
  /// Answers what no round will confirm any more, since this node was removed.
  void settle_confirming();
  /// The change has happened.
  void succeed(Request& request);
  void fail(Request& request, Outcome why);
  void give_back(Request& request);
  [[nodiscard]] Request* end_active();

  Parts& parts_;
  Courier& courier_;
  Reads& reads_;
  Active active_;
  std::vector<Ticket> waiting_;
  std::optional<consensus::Membership> committed_;  ///< none: nothing was committed since the start
  std::vector<NodeId> joining_;                     ///< while this node leads: learners that will vote
};

}  // namespace quorate::service
