#pragma once
// Randomness: time-outs, back-off, identifiers. From the system in production, from the seed in a simulation.

#include <cstdint>

namespace quorate::env {

class Entropy {
 public:
  virtual ~Entropy() = default;
  virtual std::uint64_t next() = 0;

  /// Uniform in [low, high]; `low` <= `high`.
  std::uint64_t between(std::uint64_t low, std::uint64_t high) {
    const std::uint64_t width = high - low + 1;
    return width == 0 ? next() : low + next() % width;
  }
};

}  // namespace quorate::env
