#include "env_posix/receive_blocks.h"

#include <mutex>
#include <vector>

#include "base/assert.h"

namespace quorate::env_posix {

/// Blocks that came back. Bounded: what exceeds it returns to the system.
class ReceiveBlocks::Pool : public std::enable_shared_from_this<ReceiveBlocks::Pool> {
 public:
  static constexpr std::size_t kKept = 64;

  std::shared_ptr<char[]> take() {
    std::unique_ptr<char[]> block;
    {
      const std::lock_guard lock(mutex_);
      if (!free_.empty()) {
        block = std::move(free_.back());
        free_.pop_back();
      }
    }
    if (block == nullptr) {
      block = std::make_unique_for_overwrite<char[]>(kBlockBytes);
    }
    return {block.release(),
            [pool = shared_from_this()](char* returned) { pool->give_back(std::unique_ptr<char[]>(returned)); }};
  }

 private:
  void give_back(std::unique_ptr<char[]> block) {
    const std::lock_guard lock(mutex_);
    if (free_.size() < kKept) {
      free_.push_back(std::move(block));
    }
  }

  std::mutex mutex_;  // taken once per 64 KiB, not per receipt
  std::vector<std::unique_ptr<char[]>> free_;
};

ReceiveBlocks::ReceiveBlocks() : pool_(std::make_shared<Pool>()) {}
ReceiveBlocks::~ReceiveBlocks() = default;

std::span<char> ReceiveBlocks::space() {
  if (block_ == nullptr || kBlockBytes - used_ < kLeastSpace) {
    block_ = pool_->take();
    used_ = 0;
  }
  return {block_.get() + used_, kBlockBytes - used_};
}

Buffer ReceiveBlocks::take(std::size_t size) {
  QUORATE_ASSERT(block_ != nullptr && size <= kBlockBytes - used_, "received bytes lie in the block", size, used_);
  const ByteView bytes(block_.get() + used_, size);
  if (size < kShareFrom) {
    return Buffer::copy_of(bytes);  // the space is used again: nobody refers to it
  }
  used_ += size;
  return Buffer::share(block_, bytes);
}

}  // namespace quorate::env_posix
