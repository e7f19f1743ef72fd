#pragma once
// Where the next durable write runs: on the sync thread, or on the loop itself.
//
// Handing a write to another thread and back costs two wake-ups, about as much as the write. It pays while the loop has
// other work to do meanwhile. When one small write follows the other, each quick, the loop would only wait: then it
// writes itself (facts: performance section 3, "Sync inline when nothing waits").
// Invariants: 1. a large write never runs on the loop. 2. after one that was slow, wherever it ran, or large, the
// thread takes all until kCalmWrites in a row were small and quick. A disk that hangs in a write on the loop stops the
// node's heartbeats with it, so that the others replace it at once. Owned by PosixFiles, on the loop.

#include <cstddef>

#include "base/time.h"

namespace quorate::env_posix {

class SyncPlace {
 public:
  static constexpr std::size_t kSmallBytes = 4U << 10;
  static constexpr Duration kQuick = std::chrono::milliseconds(2);
  static constexpr unsigned kCalmWrites = 16;

  /// `quick`: the longest average at which writes run on the loop.
  explicit SyncPlace(Duration quick = kQuick) : quick_(quick) {}

  /// A write of `bytes` begins. True: on the loop.
  [[nodiscard]] bool is_loop_for(std::size_t bytes) {
    if (bytes > kSmallBytes) {
      calm_ = 0;
    }
    return calm_ >= kCalmWrites && average_ <= quick_;
  }
  /// It took so long, the sync included.
  void on_written(Duration took) {
    calm_ += calm_ < kCalmWrites ? 1 : 0;
    average_ += (took - average_) / 8;
  }

 private:
  Duration quick_;
  Duration average_{};  ///< of what writes took lately
  unsigned calm_ = 0;   ///< small writes in a row
};

}  // namespace quorate::env_posix
