#pragma once
// A protocol's messages as bytes: version, type, then the fields of one struct of a variant, in order.
//
// A protocol gives one function object `fields(io, message)` that names every field once; it serves both directions.
// Layout: version (1 byte, 1), type (1 byte, index in the variant + 1), numbers as varints, flags as one byte.
// Invariants: 1. what encode_message wrote, decode_message reads back. 2. a decoder accepts only what an encoder can
//                write: known version and type, numbers up to kLargestNumber, nothing behind the last field.
// Pure; one allocation a message, for the buffer that leaves.

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <variant>

#include "base/assert.h"
#include "base/bytes.h"
#include "base/ids.h"
#include "codec/reader.h"

namespace quorate::consensus {

/// Tags, positions, rounds and numbers above this are refused: no run reaches them, and sums cannot overflow.
inline constexpr std::uint64_t kLargestNumber = 1ULL << 62;

/// Writes into memory of its own on the stack.
class FieldWriter {
 public:
  static constexpr std::uint8_t kVersion = 1;
  static constexpr std::size_t kMaxFields = 8;

  explicit FieldWriter(std::uint8_t type) {
    byte(kVersion);
    byte(type);
  }
  void number(std::uint64_t value) {
    while (value >= 0x80) {
      byte(static_cast<std::uint8_t>(value | 0x80));
      value >>= 7;
    }
    byte(static_cast<std::uint8_t>(value));
  }
  template <class Kind>
  void number(StrongId<Kind> id) {
    number(id.value());
  }
  template <class Kind>
  void any(StrongId<Kind> id) {
    number(id.value());
  }
  void entry(const EntryId& id) {
    number(id.position);
    number(id.tag);
  }
  void flag(bool value) { byte(value ? 1 : 0); }
  /// The last field, and nearly never true: then there is a byte more.
  void rare_flag(bool value) {
    if (value) {
      byte(1);
    }
  }
  [[nodiscard]] ByteView view() const { return {bytes_.data(), size_}; }

 private:
  void byte(std::uint8_t value) {
    QUORATE_ASSERT(size_ < bytes_.size(), "a message has few fields", size_);
    bytes_[size_++] = static_cast<char>(value);
  }

  std::array<char, 2 + kMaxFields * codec::kMaxVarintBytes> bytes_;
  std::size_t size_ = 0;
};

class FieldReader {
 public:
  explicit FieldReader(ByteView bytes) : reader_(bytes) {}

  [[nodiscard]] std::uint8_t byte() { return reader_.u8(); }
  void number(std::uint64_t& value) {
    value = reader_.varint();
    if (value > kLargestNumber) {
      reader_.set_failed();
    }
  }
  template <class Kind>
  void number(StrongId<Kind>& id) {
    std::uint64_t value = 0;
    number(value);
    id = StrongId<Kind>(value);
  }
  /// A number of which every value is good.
  template <class Kind>
  void any(StrongId<Kind>& id) {
    id = StrongId<Kind>(reader_.varint());
  }
  void entry(EntryId& id) {
    number(id.position);
    number(id.tag);
  }
  void flag(bool& value) {
    const std::uint8_t raw = reader_.u8();
    if (raw > 1) {
      reader_.set_failed();
    }
    value = raw == 1;
  }
  void rare_flag(bool& value) {
    value = !reader_.finished();
    if (value && reader_.u8() != 1) {
      reader_.set_failed();
    }
  }
  [[nodiscard]] bool finished() const { return reader_.finished(); }

 private:
  codec::Reader reader_;
};

template <class Message, class Fields>
[[nodiscard]] Buffer encode_message(const Message& message, Fields fields) {
  FieldWriter writer(static_cast<std::uint8_t>(message.index() + 1));
  std::visit([&](const auto& one) { fields(writer, one); }, message);
  return Buffer::copy_of(writer.view());
}

template <class Message, class Reader, class Fields, std::size_t Index = 0>
[[nodiscard]] std::optional<Message> decode_message_of_type(std::uint8_t type, Reader& reader, Fields fields) {
  if constexpr (Index < std::variant_size_v<Message>) {
    if (type != Index + 1) {
      return decode_message_of_type<Message, Reader, Fields, Index + 1>(type, reader, fields);
    }
    std::variant_alternative_t<Index, Message> message;
    fields(reader, message);
    if (!reader.finished()) {
      return std::nullopt;
    }
    return message;
  } else {
    return std::nullopt;
  }
}

/// Nothing if the bytes are no message. A protocol whose fields are more than numbers and flags has a reader of its
/// own.
template <class Message, class Reader = FieldReader, class Fields>
[[nodiscard]] std::optional<Message> decode_message(ByteView bytes, Fields fields) {
  Reader reader(bytes);
  if (reader.byte() != FieldWriter::kVersion) {
    return std::nullopt;
  }
  const std::uint8_t type = reader.byte();
  return decode_message_of_type<Message>(type, reader, fields);
}

}  // namespace quorate::consensus
