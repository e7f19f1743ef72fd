#pragma once
// Spreads bytes over time: what leaves at most so fast leaves room on disks and links for what is urgent.
//
// One for all snapshots that a node sends. Owned by the host, on the node's loop; reads no clock.

#include <algorithm>
#include <cstdint>

#include "base/time.h"

namespace quorate::group {

class Pace {
 public:
  /// 0: as fast as it goes.
  explicit Pace(std::uint64_t bytes_per_second) : bytes_per_second_(bytes_per_second) {}

  /// When something may leave: `now` or later.
  [[nodiscard]] Instant due(Instant now) const { return std::max(now, free_); }
  /// So many bytes leave.
  void take(std::uint64_t bytes, Instant now) {
    if (bytes_per_second_ != 0) {
      const double seconds = static_cast<double>(bytes) / static_cast<double>(bytes_per_second_);
      free_ = due(now) + Duration(static_cast<Duration::rep>(seconds * 1e9));
    }
  }

 private:
  std::uint64_t bytes_per_second_;
  Instant free_{};
};

}  // namespace quorate::group
