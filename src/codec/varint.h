#pragma once
// Variable-length integers, as protobuf writes them: seven bits a byte, the least significant first.
//
// Invariants: 1. at most kMaxVarintBytes are read. 2. what does not fit 64 bits is an error, never cut off.
// Longer forms than needed are read, as protobuf reads them; they are never written. Pure; any thread.

#include <bit>
#include <cstddef>
#include <cstdint>
#include <string>

#include "base/bytes.h"

namespace quorate::codec {

inline constexpr std::size_t kMaxVarintBytes = 10;

/// Bytes that append_varint() would write: 1 to 10.
[[nodiscard]] constexpr std::size_t varint_size(std::uint64_t value) {
  return (static_cast<std::size_t>(std::bit_width(value | 1)) + 6) / 7;
}

inline void append_varint(std::string& out, std::uint64_t value) {
  while (value >= 0x80) {
    out.push_back(static_cast<char>(static_cast<unsigned char>(value | 0x80)));
    value >>= 7;
  }
  out.push_back(static_cast<char>(value));
}

/// Reads one integer from the beginning of `bytes`. Returns how many bytes it took; 0 if it is incomplete or
/// does not fit 64 bits (`value` is then unchanged).
[[nodiscard]] inline std::size_t read_varint(ByteView bytes, std::uint64_t& value) {
  std::uint64_t result = 0;
  const std::size_t limit = bytes.size() < kMaxVarintBytes ? bytes.size() : kMaxVarintBytes;
  for (std::size_t i = 0; i < limit; ++i) {
    const auto byte = static_cast<unsigned char>(bytes[i]);
    if (i == kMaxVarintBytes - 1 && byte > 1) {
      return 0;  // bits above the 64th
    }
    result |= static_cast<std::uint64_t>(byte & 0x7FU) << (7 * i);
    if (byte < 0x80) {
      value = result;
      return i + 1;
    }
  }
  return 0;
}

/// Signed integers with small magnitudes as small unsigned ones (protobuf's sint64).
[[nodiscard]] constexpr std::uint64_t zigzag(std::int64_t value) {
  return (static_cast<std::uint64_t>(value) << 1) ^ static_cast<std::uint64_t>(value >> 63);
}
[[nodiscard]] constexpr std::int64_t unzigzag(std::uint64_t value) {
  return static_cast<std::int64_t>((value >> 1) ^ (~(value & 1) + 1));
}

}  // namespace quorate::codec
