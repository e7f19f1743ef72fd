#include "service/service_message.h"

namespace quorate::service {
namespace {

constexpr std::uint8_t kVersion = 1;

bool is_known(const Item& item) {
  switch (item.kind) {
    case ItemKind::propose:
      return item.detail >= 1 && item.detail <= static_cast<std::uint8_t>(kv::CommandKind::publish_member);
    case ItemKind::refuse: return item.detail >= 1 && item.detail <= static_cast<std::uint8_t>(Refusal::busy);
    case ItemKind::ask: return item.detail >= 1 && item.detail <= static_cast<std::uint8_t>(Question::member_change);
    case ItemKind::answer: return item.detail == 0;
  }
  return false;
}

}  // namespace

void write_head(codec::Writer& writer, const MessageHead& head) {
  writer.u8(kVersion);
  writer.u64(head.from.value());
  writer.u64(head.to.value());
  writer.u64(head.sequence);
}

void write_item(codec::Writer& writer, const Item& item) {
  writer.u8(static_cast<std::uint8_t>(item.kind));
  writer.u8(item.detail);
  writer.varint(item.number);
  writer.varint(item.attempt);
  writer.sized_bytes(item.bytes);
}

bool read_head(codec::Reader& reader, MessageHead& head) {
  const bool is_ours = reader.u8() == kVersion;
  head.from = Incarnation(reader.u64());
  head.to = Incarnation(reader.u64());
  head.sequence = reader.u64();
  return is_ours && reader.ok() && !head.from.is_none();
}

bool read_item(codec::Reader& reader, Item& item) {
  item.kind = static_cast<ItemKind>(reader.u8());
  item.detail = reader.u8();
  item.number = reader.varint();
  item.attempt = reader.varint();
  item.bytes = reader.sized_bytes();
  return reader.ok() && is_known(item);
}

bool SequenceWindow::accept(std::uint64_t sequence) {
  constexpr std::uint64_t kWidth = 64;
  if (sequence == 0) {
    return false;
  }
  if (sequence > highest_) {
    const std::uint64_t step = sequence - highest_;
    seen_ = (step >= kWidth ? 0 : seen_ << step) | 1U;
    highest_ = sequence;
    return true;
  }
  const std::uint64_t age = highest_ - sequence;
  if (age >= kWidth || (seen_ >> age & 1U) != 0) {
    return false;
  }
  seen_ |= std::uint64_t{1} << age;
  return true;
}

}  // namespace quorate::service
