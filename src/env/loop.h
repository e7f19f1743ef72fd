#pragma once
// The node's event loop as its objects see it: timers, and work for the end of the turn.
//
// One turn handles everything that was ready when it began; then deferred work runs, which is where batches
// are cut: one log frame, one message a peer, one write a connection. All callbacks run on the loop.

#include <cstdint>

#include "base/callback.h"
#include "base/time.h"

namespace quorate::env {

/// Names an armed timer; 0 is never armed.
using TimerId = std::uint64_t;

class Loop {
 public:
  virtual ~Loop() = default;

  /// Calls `fired` once at or after `deadline`. A deadline in the past fires in a later turn, never inside arm().
  virtual TimerId arm(Instant deadline, Callback<> fired) = 0;
  /// After cancel() returns, the timer does not fire. Unknown and fired ids are ignored.
  virtual void cancel(TimerId timer) = 0;

  /// Calls `work` once at the end of this turn, after everything that was ready. Deferring from deferred work
  /// runs it in the same end of turn, after what is already queued.
  virtual void defer(Callback<> work) = 0;
};

}  // namespace quorate::env
