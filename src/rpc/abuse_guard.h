#pragma once
// What a client may do to a connection besides asking: resets, control frames and pings, each within a rate.
//
// Invariant: every check costs a few additions; over the limit the connection is told to calm down and closed.
// Resets count whether the client sends them or provokes them by bad frames (CVE-2023-44487, CVE-2025-8671); pings
// follow gRPC's keepalive rule: not more often than the minimum, hardly ever without a call, three strikes.

#include "base/time.h"
#include "rpc/server.h"
#include "rpc/token_bucket.h"

namespace quorate::rpc {

class AbuseGuard {
 public:
  explicit AbuseGuard(const ServerLimits& limits)
      : resets_(limits.reset_burst, limits.resets_per_second),
        control_frames_(limits.control_frames_per_second, limits.control_frames_per_second),
        keepalive_min_time_(limits.keepalive_min_time) {}

  [[nodiscard]] bool allows_reset(Instant now) { return resets_.take(now); }
  [[nodiscard]] bool allows_control_frame(Instant now) { return control_frames_.take(now); }

  /// The server sent a response's frame: the next ping is excused, since clients probe the bandwidth after data.
  void on_response_sent() { is_ping_excused_ = true; }

  [[nodiscard]] bool allows_ping(Instant now, bool has_calls) {
    if (is_ping_excused_) {
      is_ping_excused_ = false;
      strikes_ = 0;
    } else if (has_pinged_ && now - last_ping_ < (has_calls ? keepalive_min_time_ : kIdlePingTime)) {
      ++strikes_;
    }
    has_pinged_ = true;
    last_ping_ = now;
    return strikes_ <= kMaxStrikes;
  }

 private:
  static constexpr Duration kIdlePingTime = std::chrono::hours(2);
  static constexpr int kMaxStrikes = 2;

  TokenBucket resets_;
  TokenBucket control_frames_;
  Duration keepalive_min_time_;
  bool is_ping_excused_ = false;
  bool has_pinged_ = false;
  Instant last_ping_;
  int strikes_ = 0;
};

}  // namespace quorate::rpc
