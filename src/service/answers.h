#pragma once
// Answers on their way: given to whoever waits at the end of the turn, never inside the call that made them.
//
// Invariants: 1. answers leave in the order in which they were made. 2. a request that was abandoned is not answered.
//             3. an answer that makes further answers while it is given: they leave in the same end of turn.
// Owned by the group's service, on the loop.

#include <vector>

#include "env/loop.h"
#include "service/requests.h"

namespace quorate::service {

class AnswerQueue {
 public:
  AnswerQueue(env::Loop& loop, RequestTable& requests) : loop_(loop), requests_(requests) {}

  /// `request` holds its answer; its slot is freed when that was given or the request abandoned.
  void add(Request& request);
  /// Gives out everything now: at the end of the turn, and when the service shuts down.
  void deliver(std::uint64_t);

 private:
  env::Loop& loop_;
  RequestTable& requests_;
  std::vector<Ticket> leaving_;
  std::vector<Ticket> spare_;  ///< memory used again
  bool is_scheduled_ = false;
};

}  // namespace quorate::service
