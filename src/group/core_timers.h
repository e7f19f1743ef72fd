#pragma once
// The timers of one core. Arming again, which a follower does with every message of its leader, touches the loop's
// timers only when the deadline comes nearer: else the timer that is armed looks again when it fires.
//
// Invariants: 1. each kind fires at most once per arming. 2. a timer never fires before the deadline drawn last; one
//                that fires late (a stopped process) is one firing (F-P3). 3. nothing fires after stop().
// Owned by the replica's runtime, on the node's loop.

#include <array>
#include <cstddef>

#include "base/callback.h"
#include "consensus/contract/effect.h"
#include "env/clock.h"
#include "env/entropy.h"
#include "env/loop.h"

namespace quorate::group {

class CoreTimers {
 public:
  /// `fired` is called with the kind that ran out.
  CoreTimers(env::Clock& clock, env::Loop& loop, env::Entropy& entropy, Callback<consensus::TimerKind> fired)
      : clock_(clock), loop_(loop), entropy_(entropy), fired_(fired) {}
  ~CoreTimers() { stop(); }
  CoreTimers(const CoreTimers&) = delete;
  CoreTimers& operator=(const CoreTimers&) = delete;

  /// Draws the delay uniformly from [min, max] and arms, or arms again.
  void set(const consensus::SetTimer& timer);
  void cancel(consensus::TimerKind kind);
  void stop();

 private:
  struct Slot {
    env::TimerId armed = 0;  ///< 0: the loop holds no timer of this kind
    Instant armed_for;       ///< never later than `deadline`
    Instant deadline;
  };

  void on_fired(std::uint64_t kind);
  void arm(std::size_t kind, Instant deadline);

  env::Clock& clock_;
  env::Loop& loop_;
  env::Entropy& entropy_;
  Callback<consensus::TimerKind> fired_;
  std::array<Slot, 4> slots_;  ///< by kind
};

}  // namespace quorate::group
