#pragma once
// CRC-32C (Castagnoli): the checksum of log frames, peer frames and snapshot chunks.
//
// Invariants: 1. hardware and portable forms give the same value. 2. crc32c(b, crc32c(a)) == crc32c(a followed by b),
// so that parts are checked without joining them.
// Pure; any thread.

#include <cstdint>

#include "base/bytes.h"

namespace quorate::codec {

/// The checksum of `bytes`, continuing from `seed` (the checksum of what stands before them; 0 at the beginning).
[[nodiscard]] std::uint32_t crc32c(ByteView bytes, std::uint32_t seed = 0);

/// The same without the processor's instruction; what crc32c() uses where there is none.
[[nodiscard]] std::uint32_t crc32c_portable(ByteView bytes, std::uint32_t seed = 0);

}  // namespace quorate::codec
