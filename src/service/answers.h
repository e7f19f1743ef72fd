#pragma once
// Answers on their way: given to whoever waits at the end of the turn, never inside the call that made them.
//
// Invariants: 1. answers leave in the order in which they were made. 2. deliver() may be entered by an answer that makes
//                further answers: they leave in the same end of turn.
// Owned by the group's service, on the loop.

#include <vector>

#include "env/loop.h"
#include "service/kv_service.h"

namespace quorate::service {

class AnswerQueue {
 public:
  explicit AnswerQueue(env::Loop& loop) : loop_(loop) {}

  void add(AnswerTo to, Answer answer);
  /// Gives out everything now: at the end of the turn, and when the service shuts down.
  void deliver(std::uint64_t);

 private:
  struct Item {
    AnswerTo to;
    Answer answer;
  };

  env::Loop& loop_;
  std::vector<Item> items_;
  std::vector<Item> leaving_;  ///< memory used again
  bool is_scheduled_ = false;
};

}  // namespace quorate::service
