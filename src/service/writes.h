#pragma once
// Writes on their way through the log: proposed here if this replica leads, else forwarded to the leader's service,
// and answered when this replica executed them.
//
//             leader, room                       executed here
//   waiting ----------------> proposed ----------------------------> answered
//      |  ^ link, room           | dropped: unknown                      ^
//      |  +--- dropped: never ---+----------------> unknown -------------+ (or the deadline)
//      |  +--- refused, not sent ---+                  ^
//      +----------------> forwarded +---- (never again sent)
//         other leader
//
// Invariants: 1. a write is given to a core or to another node again only if it surely was not placed. 2. an answer of
//                success leaves only after this replica executed the write. 3. a forwarded write is proposed at most
//                once here, and never forwarded on.
// Owned by the group's service, on the loop. Facts: time limits and quota, sections 2.11 and 2.14 of etcd's facts.

#include <deque>
#include <vector>

#include "service/courier.h"
#include "service/parts.h"

namespace quorate::service {

class Writes {
 public:
  Writes(Parts& parts, Courier& courier) : parts_(parts), courier_(courier) {}

  /// A client's write that passed validation. Answers at once (in the queue) what may not be placed.
  Ticket submit(kv::CommandKind kind, Buffer request, Instant deadline, AnswerTo to);
  /// The service's own write: always taken. `term`: if set, proposed here and only in this term, without a deadline.
  void submit_internal(kv::CommandKind kind, Buffer request, Instant deadline, Tag term, AnswerTo to);

  // What happened, as far as it concerns writes.
  /// False if no request waits for it.
  bool on_executed(std::uint64_t number, kv::Reply reply);
  /// False if `context` names no write.
  bool on_dropped(Context context, consensus::Dropped::Outcome outcome);
  void on_role_changed();
  void on_deadline(Request& request);
  /// Tries everything that waits again: a leader, a link or room may be there by now.
  void retry_waiting();
  [[nodiscard]] bool has_waiting() const { return !waiting_.empty(); }

  // Between services.
  void on_forwarded(NodeId from, Incarnation life, const Item& item);
  void on_refused(Request& request, const Item& item);
  void on_not_sent(Request& request, const Item& item);

 private:
  /// A write of another node that was proposed here, until it cannot be refused any more.
  struct Foreign {
    Context context;
    NodeId origin;
    Incarnation life;
    std::uint64_t number = 0;
    std::uint64_t attempt = 0;
    Instant proposed;
  };
  static constexpr std::size_t kMaxForeign = 65'536;

  /// Execution is so far behind that a client's write would only make it worse (etcd's gap of 5,000).
  [[nodiscard]] bool is_behind() const;
  [[nodiscard]] Outcome check_space(kv::CommandKind kind, ByteView request);
  void raise_no_space();
  void on_raised(std::uint64_t, const Answer& answer);
  void place(Request& request);
  void propose(Request& request);
  void forward(Request& request, NodeId leader);
  void wait(Request& request);
  void refuse(NodeId to, Incarnation life, const Item& item, Refusal why);
  void drop_old_foreign();

  Parts& parts_;
  Courier& courier_;
  std::vector<Ticket> waiting_;  ///< in order of their coming; may name ended ones
  std::deque<Foreign> foreign_;  ///< rising contexts
  bool is_raising_ = false;      ///< the alarm NOSPACE is on its way through the log
};

}  // namespace quorate::service
