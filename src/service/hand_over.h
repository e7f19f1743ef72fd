#pragma once
// An operator's wish that another node lead (MoveLeader): only the leader can grant it, and answers when it has
// happened.
//
// Invariants: 1. a wish is answered with success only when its target leads. 2. a leader asks its core once per wish;
//                whether it comes true in time is not known before (thesis 3.10).
// Owned by the group's service, on the loop.

#include <vector>

#include "service/parts.h"

namespace quorate::service {

class HandOver {
 public:
  explicit HandOver(Parts& parts) : parts_(parts) {}

  Ticket ask(NodeId to, Instant deadline, AnswerTo to_whom);
  void on_role_changed();

 private:
  Parts& parts_;
  std::vector<Ticket> waiting_;  ///< each request's `asked` is its target
};

}  // namespace quorate::service
