#pragma once
// A 64-bit hash of values in a fixed order, the same on every platform and in every run: for state hashes of
// the simulator and the explorer, never for untrusted keys and never on disk.

#include <cstdint>
#include <string_view>

#include "base/ids.h"

namespace quorate {

class Hasher {
 public:
  void add(std::uint64_t value) {
    state_ ^= mix(value + 0x9E3779B97F4A7C15ULL + (state_ << 6) + (state_ >> 2));
    state_ = mix(state_);
  }
  void add(std::string_view bytes) {
    std::uint64_t word = 0;
    int filled = 0;
    for (const char byte : bytes) {
      word = word << 8 | static_cast<unsigned char>(byte);
      if (++filled == 8) {
        add(word);
        word = 0;
        filled = 0;
      }
    }
    add(word);
    add(static_cast<std::uint64_t>(bytes.size()));
  }
  template <class Kind>
  void add(StrongId<Kind> id) {
    add(id.value());
  }
  [[nodiscard]] std::uint64_t value() const { return state_; }

 private:
  static constexpr std::uint64_t mix(std::uint64_t x) {  // splitmix64's finaliser
    x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9ULL;
    x = (x ^ (x >> 27)) * 0x94D049BB133111EBULL;
    return x ^ (x >> 31);
  }
  std::uint64_t state_ = 0;
};

}  // namespace quorate
