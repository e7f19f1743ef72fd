#pragma once
// The world as one life of one node sees it: clock, loop and entropy in virtual time.
//
// Invariants: 1. everything scheduled through it dies with it. 2. deferred work runs at the same instant, after what
//                was already due: one simulated turn. 3. the node's clock runs at its own rate and offset (F-T2).
// Owned by the simulated node, one per life.

#include <cstdint>
#include <map>
#include <vector>

#include "env/clock.h"
#include "env/entropy.h"
#include "env/loop.h"
#include "sim/event_queue.h"
#include "sim/random.h"

namespace quorate::sim {

/// How a node's clocks differ from the world's.
struct ClockBehaviour {
  std::int64_t drift_per_million = 0;  ///< of the monotonic clock's rate
  std::int64_t wall_offset_ms = 0;     ///< may jump at any time
};

class NodeEnv : public env::Clock, public env::Loop, public env::Entropy {
 public:
  NodeEnv(EventQueue& queue, Owner owner, Random random, const ClockBehaviour& clock)
      : queue_(queue), owner_(owner), random_(random), clock_(clock) {}

  [[nodiscard]] Instant now() const override;
  [[nodiscard]] WallTime wall() const override;
  env::TimerId arm(Instant deadline, Callback<> fired) override;
  void cancel(env::TimerId timer) override;
  void defer(Callback<> work) override;
  std::uint64_t next() override { return random_.next(); }

  [[nodiscard]] std::size_t armed_timers() const { return timers_.size(); }

 private:
  void fire(std::uint64_t timer);
  void end_turn(std::uint64_t);
  [[nodiscard]] Instant local_time(Instant world) const;
  [[nodiscard]] Instant world_time(Instant local) const;

  EventQueue& queue_;
  Owner owner_;
  Random random_;
  const ClockBehaviour& clock_;
  std::map<env::TimerId, Callback<>> timers_;
  env::TimerId next_timer_ = 1;
  std::vector<Callback<>> deferred_;
  bool end_scheduled_ = false;
};

}  // namespace quorate::sim
