#pragma once
// The one source of chance of a run: a 64-bit seed decides everything. Streams split off by name, so that one more
// draw in one place does not change another place's sequence.

#include <cstdint>
#include <string_view>

#include "base/hash.h"
#include "env/entropy.h"

namespace quorate::sim {

class Random : public env::Entropy {
 public:
  explicit Random(std::uint64_t seed) : state_(seed) {}

  /// splitmix64 (Steele, Lea, Flood 2014): passes BigCrush and needs one word of state.
  std::uint64_t next() override {
    state_ += 0x9E3779B97F4A7C15ULL;
    std::uint64_t x = state_;
    x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9ULL;
    x = (x ^ (x >> 27)) * 0x94D049BB133111EBULL;
    return x ^ (x >> 31);
  }

  /// True with probability `parts` / `of`.
  bool chance(std::uint64_t parts, std::uint64_t of) { return between(1, of) <= parts; }

  /// An independent stream.
  [[nodiscard]] Random split(std::string_view name) {
    Hasher hasher;
    hasher.add(next());
    hasher.add(name);
    return Random(hasher.value());
  }

 private:
  std::uint64_t state_;
};

}  // namespace quorate::sim
