#pragma once
// The fields of one protobuf message, one after the other, without allocation and without a schema.
//
// Invariants: 1. never reads outside the view. 2. accepts and refuses what protobuf's parser does: tags of at most five
// bytes, lengths of at most five, varints of at most ten whose excess bits are dropped, groups skipped whole; field
// number 0, a stray end of group and the wire types 6 and 7 are malformed. 3. after a failure next() stays false.
// A value type, owned by one function.

#include <cstddef>
#include <cstdint>

#include "base/bytes.h"

namespace quorate::codec {

/// Nested messages and groups beyond this are malformed: bounds the stack that an attacker can ask for.
inline constexpr int kMaxMessageDepth = 64;

enum class WireType : std::uint8_t { varint = 0, fixed64 = 1, bytes = 2, group = 3, end_group = 4, fixed32 = 5 };

class FieldReader {
 public:
  FieldReader() = default;
  explicit FieldReader(ByteView message, std::size_t offset = 0) : message_(message), offset_(offset) {}

  /// Goes to the next field. False at the end of the message, or when it is malformed (then ok() is false).
  [[nodiscard]] bool next();
  [[nodiscard]] bool ok() const { return ok_; }

  [[nodiscard]] std::uint32_t number() const { return number_; }
  [[nodiscard]] WireType type() const { return type_; }
  /// Where the present field's tag begins.
  [[nodiscard]] std::size_t field_offset() const { return field_offset_; }

  [[nodiscard]] bool is_varint(std::uint32_t number) const { return number_ == number && type_ == WireType::varint; }
  [[nodiscard]] bool is_bytes(std::uint32_t number) const { return number_ == number && type_ == WireType::bytes; }

  [[nodiscard]] std::uint64_t value() const { return value_; }  ///< of a varint
  [[nodiscard]] std::int64_t int64() const { return static_cast<std::int64_t>(value_); }
  [[nodiscard]] std::int32_t int32() const { return static_cast<std::int32_t>(static_cast<std::uint32_t>(value_)); }
  [[nodiscard]] bool boolean() const { return value_ != 0; }
  [[nodiscard]] ByteView bytes() const { return bytes_; }  ///< of a length-delimited field

 private:
  bool fail() {
    ok_ = false;
    offset_ = message_.size();
    return false;
  }
  [[nodiscard]] bool read_tag();
  [[nodiscard]] bool read_varint64();
  [[nodiscard]] bool read_length(std::size_t& length);
  [[nodiscard]] bool read_payload();
  [[nodiscard]] bool skip(std::size_t size);
  [[nodiscard]] bool skip_group();

  ByteView message_;
  std::size_t offset_ = 0;
  std::size_t field_offset_ = 0;
  std::uint64_t value_ = 0;
  ByteView bytes_;
  std::uint32_t number_ = 0;
  WireType type_ = WireType::varint;
  bool ok_ = true;
};

inline bool FieldReader::next() {
  if (offset_ >= message_.size()) {
    return false;
  }
  field_offset_ = offset_;
  return (read_tag() && type_ != WireType::end_group && read_payload()) || fail();
}

inline bool FieldReader::read_tag() {
  std::uint32_t tag = 0;
  for (unsigned shift = 0; shift < 35 && offset_ < message_.size(); shift += 7) {
    const auto byte = static_cast<unsigned char>(message_[offset_++]);
    tag |= static_cast<std::uint32_t>(byte & 0x7FU) << shift;
    if (byte < 0x80) {
      number_ = tag >> 3;
      type_ = static_cast<WireType>(tag & 7U);
      return number_ != 0;
    }
  }
  return false;
}

inline bool FieldReader::read_varint64() {
  std::uint64_t value = 0;
  for (unsigned shift = 0; shift < 70 && offset_ < message_.size(); shift += 7) {
    const auto byte = static_cast<unsigned char>(message_[offset_++]);
    value |= static_cast<std::uint64_t>(byte & 0x7FU) << shift;
    if (byte < 0x80) {
      value_ = value;
      return true;
    }
  }
  return false;
}

inline bool FieldReader::read_length(std::size_t& length) {
  length = 0;
  for (unsigned shift = 0; shift < 35 && offset_ < message_.size(); shift += 7) {
    const auto byte = static_cast<unsigned char>(message_[offset_++]);
    if (shift == 28 && byte >= 8) {
      return false;  // 2 GiB or more, or a sixth byte
    }
    length |= static_cast<std::size_t>(byte & 0x7FU) << shift;
    if (byte < 0x80) {
      return length <= message_.size() - offset_;
    }
  }
  return false;
}

inline bool FieldReader::skip(std::size_t size) {
  if (size > message_.size() - offset_) {
    return false;
  }
  offset_ += size;
  return true;
}

inline bool FieldReader::read_payload() {
  switch (type_) {
    case WireType::varint: return read_varint64();
    case WireType::bytes: {
      std::size_t length = 0;
      if (!read_length(length)) {
        return false;
      }
      bytes_ = message_.substr(offset_, length);
      offset_ += length;
      return true;
    }
    case WireType::fixed64: return skip(8);
    case WireType::fixed32: return skip(4);
    case WireType::group: return skip_group();
    case WireType::end_group: break;
  }
  return false;
}

}  // namespace quorate::codec
