#pragma once
// Bytes: views, and immutable reference-counted buffers.
//
// A Buffer is a slice of a block that never changes after it was sealed: a request's bytes are copied once
// into a block and then shared by log, links and state machine without another copy.
//
// Invariants: 1. the bytes behind a Buffer never change. 2. a Buffer keeps its whole block alive.
// Blocks may be released on any thread; a Buffer object itself is not shared between threads.

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <span>
#include <string>
#include <string_view>

namespace quorate {

using ByteView = std::string_view;  ///< borrowed bytes; may hold zeros

class Buffer {
 public:
  Buffer() = default;

  /// Copies `bytes` into a block of its own.
  [[nodiscard]] static Buffer copy_of(ByteView bytes) { return concat({&bytes, 1}); }

  /// Copies the parts, one after the other, into one block.
  [[nodiscard]] static Buffer concat(std::span<const ByteView> parts);

  /// Takes over the string's bytes without copying them.
  [[nodiscard]] static Buffer adopt(std::string bytes);

  /// Bytes of a block that the caller filled; `inside` lies in the block and never changes from now on.
  [[nodiscard]] static Buffer share(std::shared_ptr<const char[]> block, ByteView inside) {
    return {std::move(block), inside};
  }

  [[nodiscard]] ByteView view() const { return view_; }
  [[nodiscard]] const char* data() const { return view_.data(); }
  [[nodiscard]] std::size_t size() const { return view_.size(); }
  [[nodiscard]] bool empty() const { return view_.empty(); }

  /// The bytes [offset, offset + size), sharing the block. The range must lie inside.
  [[nodiscard]] Buffer slice(std::size_t offset, std::size_t size) const;
  /// `inside` must be a view into this buffer; the result shares the block.
  [[nodiscard]] Buffer slice_of(ByteView inside) const;

  friend bool operator==(const Buffer& a, const Buffer& b) { return a.view_ == b.view_; }

 private:
  Buffer(std::shared_ptr<const char[]> block, ByteView view) : block_(std::move(block)), view_(view) {}

  std::shared_ptr<const char[]> block_;
  ByteView view_;
};

}  // namespace quorate
