#pragma once
// Randomness from the system: good enough for identifiers and secrets.
//
// Invariant: each word is drawn from the kernel once and given once. Not to be used on both sides of a fork.
// Owned by `server`, on the loop.

#include <array>
#include <cstdint>

#include "env/entropy.h"

namespace quorate::env_posix {

class SystemEntropy final : public env::Entropy {
 public:
  /// Ends the process when the kernel gives no randomness: nothing can be started safely without it.
  std::uint64_t next() override;

 private:
  void refill();

  std::array<std::uint64_t, 32> words_{};  // 256 bytes: what getrandom() gives without interruption
  std::size_t used_ = 32;
};

}  // namespace quorate::env_posix
