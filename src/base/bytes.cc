#include "base/bytes.h"

#include "base/assert.h"

namespace quorate {

Buffer Buffer::concat(std::span<const ByteView> parts) {
  std::size_t total = 0;
  for (ByteView part : parts) {
    total += part.size();
  }
  if (total == 0) {
    return {};
  }
  std::shared_ptr<char[]> block = std::make_shared_for_overwrite<char[]>(total);
  char* to = block.get();
  for (ByteView part : parts) {
    if (!part.empty()) {
      std::memcpy(to, part.data(), part.size());
      to += part.size();
    }
  }
  const ByteView view(block.get(), total);
  return {std::move(block), view};
}

Buffer Buffer::adopt(std::string bytes) {
  if (bytes.empty()) {
    return {};
  }
  auto owner = std::make_shared<const std::string>(std::move(bytes));
  const ByteView view(*owner);
  return {std::shared_ptr<const char[]>(owner, owner->data()), view};
}

Buffer Buffer::slice(std::size_t offset, std::size_t size) const {
  QUORATE_ASSERT(offset <= view_.size() && size <= view_.size() - offset, "slice lies inside the buffer", offset, size,
                 view_.size());
  return {block_, view_.substr(offset, size)};
}

Buffer Buffer::slice_of(ByteView inside) const {
  if (inside.empty()) {
    return {};
  }
  QUORATE_ASSERT(inside.data() >= view_.data() && inside.data() + inside.size() <= view_.data() + view_.size(),
                 "view lies inside the buffer", inside.size(), view_.size());
  return {block_, inside};
}

}  // namespace quorate
