#pragma once
// Time as values: instants of a node's monotonic clock and spans between them. Nothing here reads a clock;
// `env/clock.h` does.

#include <chrono>
#include <cstdint>

namespace quorate {

using Duration = std::chrono::nanoseconds;

/// The time line of one node's monotonic clock; instants of different nodes do not compare.
struct MonotonicTimeLine {
  using rep = Duration::rep;
  using period = Duration::period;
  using duration = Duration;
  using time_point = std::chrono::time_point<MonotonicTimeLine>;
  static constexpr bool is_steady = true;
};

using Instant = MonotonicTimeLine::time_point;

/// Milliseconds since 1970 by the wall clock: may jump, so it decides nothing that safety needs.
struct WallTime {
  std::int64_t unix_ms = 0;
};

}  // namespace quorate
