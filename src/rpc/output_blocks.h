#pragma once
// Gathers what a connection writes in one flush into shared blocks: small pieces are copied one behind the other,
// large ones are passed on as they are.
//
// Invariants: 1. bytes that were handed out never change: a block is filled once, from front to back, and used again
//                only when nobody holds it any more. 2. one connection writes at a time: take() ends its part.
// One per thread, shared by all connections of its loop, so that idle connections hold no block.

#include <cstddef>
#include <memory>
#include <span>
#include <vector>

#include "base/bytes.h"

namespace quorate::rpc {

class OutputBlocks {
 public:
  [[nodiscard]] static OutputBlocks& of_this_thread();

  void append(ByteView bytes);
  /// The bytes [begin, begin + size) of a buffer: a small part is copied, a large one shared.
  void append(const Buffer& bytes, std::size_t begin, std::size_t size);

  [[nodiscard]] std::size_t pending_bytes() const { return pending_bytes_; }
  /// What was appended since the last release(), in order; valid until then.
  [[nodiscard]] std::span<const Buffer> take();
  void release();

 private:
  static constexpr std::size_t kBlockBytes = 16U << 10;
  static constexpr std::size_t kShareFrom = 2048;  ///< smaller pieces are cheaper copied than sent on their own
  static constexpr std::size_t kMaxBlocks = 256;   ///< kept for reuse

  void close_run();
  void next_block();

  std::vector<std::shared_ptr<char[]>> blocks_;  ///< blocks_[at_] is being filled
  std::size_t at_ = 0;
  std::shared_ptr<char[]> block_;
  std::size_t used_ = kBlockBytes;
  std::size_t run_begin_ = kBlockBytes;
  std::vector<Buffer> chunks_;
  std::size_t pending_bytes_ = 0;
};

}  // namespace quorate::rpc
