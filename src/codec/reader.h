#pragma once
// Reads little-endian fields from bytes that nobody vouches for.
//
// Invariants: 1. never reads outside the view. 2. the first failure sticks: every later read gives zero or nothing, so
// that a caller reads a whole structure and asks ok() once. 3. allocates nothing; views point into the source.
// A value type, owned by one function.

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <type_traits>

#include "base/bytes.h"
#include "codec/varint.h"

namespace quorate::codec {

class Reader {
 public:
  explicit Reader(ByteView bytes) : bytes_(bytes) {}

  [[nodiscard]] bool ok() const { return ok_; }
  /// Everything was read and nothing failed: what a decoder asks at its end.
  [[nodiscard]] bool finished() const { return ok_ && offset_ == bytes_.size(); }
  [[nodiscard]] bool at_end() const { return offset_ == bytes_.size(); }
  [[nodiscard]] std::size_t offset() const { return offset_; }
  [[nodiscard]] std::size_t remaining() const { return bytes_.size() - offset_; }
  /// Makes the reader fail: for values that a caller finds out of range.
  void set_failed() {
    ok_ = false;
    offset_ = bytes_.size();
  }

  [[nodiscard]] std::uint8_t u8() { return fixed<std::uint8_t>(); }
  [[nodiscard]] std::uint16_t u16() { return fixed<std::uint16_t>(); }
  [[nodiscard]] std::uint32_t u32() { return fixed<std::uint32_t>(); }
  [[nodiscard]] std::uint64_t u64() { return fixed<std::uint64_t>(); }
  [[nodiscard]] std::uint64_t varint() {
    std::uint64_t value = 0;
    const std::size_t taken = read_varint(bytes_.substr(offset_), value);
    if (taken == 0) {
      set_failed();
    }
    offset_ += taken;
    return value;
  }
  /// Exactly `size` bytes.
  [[nodiscard]] ByteView bytes(std::uint64_t size) {
    if (size > remaining()) {
      set_failed();
      return {};
    }
    const ByteView result = bytes_.substr(offset_, static_cast<std::size_t>(size));
    offset_ += result.size();
    return result;
  }
  /// A varint length and that many bytes.
  [[nodiscard]] ByteView sized_bytes() { return bytes(varint()); }
  /// All that is left.
  [[nodiscard]] ByteView rest() { return bytes(remaining()); }

 private:
  template <class Integer>
  Integer fixed() {
    const ByteView raw = bytes(sizeof(Integer));
    Integer value = 0;
    for (std::size_t i = 0; i < raw.size(); ++i) {
      value = static_cast<Integer>(
          value | static_cast<Integer>(static_cast<Integer>(static_cast<unsigned char>(raw[i])) << (8 * i)));
    }
    return value;
  }

  ByteView bytes_;
  std::size_t offset_ = 0;
  bool ok_ = true;
};

}  // namespace quorate::codec
