#pragma once
// Writes little-endian fields, the counterpart of reader.h.
//
// Invariant: what a Writer wrote, a Reader reads back field by field.
// A value type, owned by one function; appends to a string of its own.

#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>

#include "base/bytes.h"
#include "codec/varint.h"

namespace quorate::codec {

class Writer {
 public:
  void reserve(std::size_t size) { out_.reserve(size); }

  void u8(std::uint8_t value) { fixed(value); }
  void u16(std::uint16_t value) { fixed(value); }
  void u32(std::uint32_t value) { fixed(value); }
  void u64(std::uint64_t value) { fixed(value); }
  void varint(std::uint64_t value) { append_varint(out_, value); }
  void bytes(ByteView value) { out_.append(value); }
  /// A varint length and the bytes.
  void sized_bytes(ByteView value) {
    varint(value.size());
    bytes(value);
  }
  /// Replaces four bytes written before: for lengths and checksums known only at the end.
  void patch_u32(std::size_t offset, std::uint32_t value) {
    for (std::size_t i = 0; i < sizeof value; ++i) {
      out_[offset + i] = static_cast<char>(static_cast<unsigned char>(value >> (8 * i)));
    }
  }

  [[nodiscard]] std::size_t size() const { return out_.size(); }
  [[nodiscard]] ByteView view() const { return out_; }
  /// Gives the bytes away; the writer is empty after.
  [[nodiscard]] std::string take() { return std::exchange(out_, {}); }
  [[nodiscard]] Buffer take_buffer() { return Buffer::adopt(take()); }

 private:
  template <class Integer>
  void fixed(Integer value) {
    char raw[sizeof(Integer)];
    for (std::size_t i = 0; i < sizeof(Integer); ++i) {
      raw[i] = static_cast<char>(static_cast<unsigned char>(value >> (8 * i)));
    }
    out_.append(raw, sizeof raw);
  }

  std::string out_;
};

}  // namespace quorate::codec
