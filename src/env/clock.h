#pragma once
// The node's clocks.

#include "base/time.h"

namespace quorate::env {

class Clock {
 public:
  virtual ~Clock() = default;
  /// Monotonic; never goes back; stops while the machine sleeps.
  [[nodiscard]] virtual Instant now() const = 0;
  /// The wall clock; may jump either way. For what a person reads and for values stamped into commands.
  [[nodiscard]] virtual WallTime wall() const = 0;
};

}  // namespace quorate::env
