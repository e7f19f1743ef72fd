#pragma once
// What bounds the transfer of a snapshot. A value of the host's configuration.

#include <cstddef>
#include <cstdint>

#include "base/time.h"

namespace quorate::group {

struct SnapshotLimits {
  std::size_t chunk_bytes = 256U << 10;                    ///< of records in one chunk, but at least one record
  std::uint32_t window_chunks = 16;                        ///< in memory of the sender, and on their way
  Duration repeat_after = std::chrono::milliseconds(500);  ///< without a word: asked again
  Duration patience = std::chrono::seconds(10);            ///< without progress: given up
  Duration news_every = std::chrono::seconds(10);          ///< of a long transfer, for people
};

}  // namespace quorate::group
