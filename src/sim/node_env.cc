#include "sim/node_env.h"

namespace quorate::sim {
namespace {

constexpr std::int64_t kMillion = 1'000'000;
/// Every simulated clock starts here, so that no instant before the start is negative.
constexpr Duration kEpoch = std::chrono::hours(1);
constexpr std::int64_t kWallEpochMs = 1'700'000'000'000;

}  // namespace

Instant NodeEnv::local_time(Instant world) const {
  const std::int64_t ticks = world.time_since_epoch().count();
  const std::int64_t drift = clock_.drift_per_million;
  return Instant(kEpoch + Duration(ticks + ticks / kMillion * drift + ticks % kMillion * drift / kMillion));
}

Instant NodeEnv::now() const { return local_time(queue_.now()); }

/// The first instant at which this node's clock shows `local`: a timer that fired a tick early would be armed again
/// for the same instant, and time would stand still.
Instant NodeEnv::world_time(Instant local) const {
  if (clock_.drift_per_million == 0) {
    return Instant(local.time_since_epoch() - kEpoch);
  }
  const std::int64_t ticks = (local.time_since_epoch() - kEpoch).count();
  const std::int64_t rate = kMillion + clock_.drift_per_million;
  Instant world(Duration(ticks / rate * kMillion + ticks % rate * kMillion / rate));
  while (local_time(world) < local) {
    world += Duration(1);
  }
  return world;
}

WallTime NodeEnv::wall() const {
  return WallTime{kWallEpochMs + queue_.now().time_since_epoch().count() / kMillion + clock_.wall_offset_ms};
}

env::TimerId NodeEnv::arm(Instant deadline, Callback<> fired) {
  const env::TimerId timer = next_timer_++;
  timers_.emplace(timer, fired);
  queue_.schedule(world_time(deadline), owner_, Callback<>::to<&NodeEnv::fire>(this, timer));
  return timer;
}

void NodeEnv::cancel(env::TimerId timer) { timers_.erase(timer); }

void NodeEnv::fire(std::uint64_t timer) {
  const auto found = timers_.find(timer);
  if (found == timers_.end()) {
    return;  // cancelled
  }
  const Callback<> fired = found->second;
  timers_.erase(found);
  fired();
}

void NodeEnv::defer(Callback<> work) {
  deferred_.push_back(work);
  if (!end_scheduled_) {
    end_scheduled_ = true;
    queue_.schedule(queue_.now(), owner_, Callback<>::to<&NodeEnv::end_turn>(this));
  }
}

void NodeEnv::end_turn(std::uint64_t) {
  for (std::size_t i = 0; i < deferred_.size(); ++i) {  // deferred work may defer more
    const Callback<> work = deferred_[i];
    work();
  }
  deferred_.clear();
  end_scheduled_ = false;
}

}  // namespace quorate::sim
