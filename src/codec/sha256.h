#pragma once
// SHA-256 (FIPS 180-4): the sum behind the bytes of an etcd snapshot file.
//
// Invariant: the sum depends on the bytes alone, not on how they were cut into pieces.
// A value type, owned by one function or object.

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>

#include "base/bytes.h"

namespace quorate::codec {

inline constexpr std::size_t kSha256Bytes = 32;

class Sha256 {
 public:
  void add(ByteView bytes);
  /// The 32 bytes of the sum; nothing may be added after.
  [[nodiscard]] std::string finish();

 private:
  static constexpr std::size_t kBlockBytes = 64;

  void add_block(const char* block);

  std::array<std::uint32_t, 8> state_ = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
                                         0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};
  std::array<char, kBlockBytes> partial_{};
  std::size_t partial_bytes_ = 0;
  std::uint64_t total_bytes_ = 0;
};

}  // namespace quorate::codec
