#pragma once
// Which positions of a replica's log are durable as they stand now: all that no unconfirmed write has touched.
//
// Why not "the last position of the last confirmed write": a later write may have replaced positions below it, and what
// replaced them may already be executed (a majority elsewhere has it). Such an entry must not reach the engine before
// the local log has it.
// Invariant: every executed position at or below limit() is durable in the local log with the content that was
// executed. A value of the replica's runtime, on the node's loop.

#include <algorithm>
#include <cstdint>
#include <limits>

#include "base/fifo.h"
#include "base/ids.h"

namespace quorate::group {

class DurableMark {
 public:
  /// The write `io` touches `lowest` and perhaps positions above it. `io` rises.
  void on_write(Io io, Position lowest) { unconfirmed_.push_back({io, lowest}); }

  void on_durable(Io io) {
    while (!unconfirmed_.empty() && unconfirmed_.front().io <= io) {
      unconfirmed_.pop_front();
    }
  }

  /// The highest position below which nothing is unconfirmed.
  [[nodiscard]] Position limit() const {
    Position lowest(std::numeric_limits<std::uint64_t>::max());
    for (const Write& write : unconfirmed_) {
      lowest = std::min(lowest, write.lowest);
    }
    return lowest.previous();
  }

 private:
  struct Write {
    Io io;
    Position lowest;
  };
  Fifo<Write> unconfirmed_;
};

}  // namespace quorate::group
