#include "rpc/output_blocks.h"

#include <algorithm>
#include <atomic>
#include <cstring>

namespace quorate::rpc {

OutputBlocks& OutputBlocks::of_this_thread() {
  thread_local OutputBlocks blocks;
  return blocks;
}

void OutputBlocks::append(ByteView bytes) {
  pending_bytes_ += bytes.size();
  while (!bytes.empty()) {
    if (used_ == kBlockBytes) {
      next_block();
    }
    const std::size_t size = std::min(bytes.size(), kBlockBytes - used_);
    std::memcpy(block_.get() + used_, bytes.data(), size);
    used_ += size;
    bytes.remove_prefix(size);
  }
}

void OutputBlocks::append(const Buffer& bytes, std::size_t begin, std::size_t size) {
  if (size < kShareFrom) {
    append(bytes.view().substr(begin, size));
    return;
  }
  close_run();
  chunks_.push_back(bytes.slice(begin, size));
  pending_bytes_ += size;
}

void OutputBlocks::close_run() {
  if (used_ > run_begin_) {
    chunks_.push_back(Buffer::share(block_, ByteView(block_.get() + run_begin_, used_ - run_begin_)));
    run_begin_ = used_;
  }
}

void OutputBlocks::next_block() {
  close_run();
  block_.reset();
  // Blocks come back in about the order in which they left: the next one is the likeliest to be free.
  for (std::size_t tries = 0; tries < std::min<std::size_t>(blocks_.size(), 4); ++tries) {
    at_ = (at_ + 1) % blocks_.size();
    if (blocks_[at_].use_count() == 1) {
      std::atomic_thread_fence(std::memory_order_acquire);  // its last reader may have been another thread
      block_ = blocks_[at_];
      break;
    }
  }
  if (block_ == nullptr) {
    block_ = std::make_shared_for_overwrite<char[]>(kBlockBytes);
    if (blocks_.size() < kMaxBlocks) {
      at_ = blocks_.size();
      blocks_.push_back(block_);
    } else {
      blocks_[at_] = block_;
    }
  }
  used_ = 0;
  run_begin_ = 0;
}

std::span<const Buffer> OutputBlocks::take() {
  close_run();
  return chunks_;
}

void OutputBlocks::release() {
  chunks_.clear();
  pending_bytes_ = 0;
}

}  // namespace quorate::rpc
