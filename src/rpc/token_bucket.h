#pragma once
// A rate limit with a burst: tokens come back evenly over time, up to the burst; what finds none is over the limit.
//
// Invariants: 1. in any span of t seconds at most burst + rate x t events pass. 2. costs no timer.
// A value type, owned by one connection.

#include <algorithm>
#include <cstdint>

#include "base/time.h"

namespace quorate::rpc {

class TokenBucket {
 public:
  TokenBucket(std::uint32_t burst, std::uint32_t per_second) : burst_(burst), per_second_(per_second), tokens_(burst) {}

  /// True if the event is within the limit.
  [[nodiscard]] bool take(Instant now) {
    refill(now);
    if (tokens_ < 1.0) {
      return false;
    }
    tokens_ -= 1.0;
    return true;
  }

 private:
  void refill(Instant now) {
    if (!started_) {
      started_ = true;
      refilled_ = now;
    }
    const double seconds = std::chrono::duration<double>(now - refilled_).count();
    tokens_ = std::min<double>(burst_, tokens_ + std::max(0.0, seconds) * per_second_);
    refilled_ = now;
  }

  double burst_;
  double per_second_;
  double tokens_;
  bool started_ = false;
  Instant refilled_;
};

}  // namespace quorate::rpc
