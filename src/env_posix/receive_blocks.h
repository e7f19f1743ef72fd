#pragma once
// Where a loop's sockets receive into: one large block at a time, shared by all streams, cut into Buffers.
//
// Invariants: 1. bytes once given out never change. 2. an idle stream holds no memory of it. 3. a Buffer of less than
//                kShareFrom bytes pins only itself, a larger one at most kBlockBytes: a stream that keeps a few bytes
//                cannot pin a block. 4. blocks that nobody refers to any more are used again.
// Owned by the transport, on the loop; the Buffers may be released on any thread.

#include <cstddef>
#include <memory>
#include <span>

#include "base/bytes.h"

namespace quorate::env_posix {

class ReceiveBlocks {
 public:
  static constexpr std::size_t kBlockBytes = 64U << 10;
  static constexpr std::size_t kShareFrom = 4U << 10;    ///< smaller receipts are copied out
  static constexpr std::size_t kLeastSpace = 16U << 10;  ///< offered to a receive call

  ReceiveBlocks();
  ~ReceiveBlocks();
  ReceiveBlocks(const ReceiveBlocks&) = delete;
  ReceiveBlocks& operator=(const ReceiveBlocks&) = delete;

  /// Room for the next receive call, at least kLeastSpace.
  [[nodiscard]] std::span<char> space();
  /// The first `size` bytes of space() were filled: gives them out.
  [[nodiscard]] Buffer take(std::size_t size);

 private:
  class Pool;
  std::shared_ptr<Pool> pool_;  ///< outlives this object while Buffers are out
  std::shared_ptr<char[]> block_;
  std::size_t used_ = 0;
};

}  // namespace quorate::env_posix
