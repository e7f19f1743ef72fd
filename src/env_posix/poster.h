#pragma once
// Work handed to a node's loop by another thread: how a disk's or a resolver's answer comes back.
//
// Invariants: 1. work runs on the loop, in the order of the calls of one thread. 2. post() never blocks on the loop.
// Implemented by the event loop; called on any thread.

#include <functional>

namespace quorate::env_posix {

class Poster {
 public:
  virtual ~Poster() = default;
  /// Runs `work` on the loop in a later turn. What was not run when the loop is destroyed is dropped.
  virtual void post(std::function<void()> work) = 0;
};

}  // namespace quorate::env_posix
