#include "group/snapshot_message.h"

#include <array>
#include <string>

#include "codec/crc32c.h"
#include "codec/reader.h"
#include "codec/writer.h"
#include "consensus/contract/membership_codec.h"

namespace quorate::group {
namespace {

using Sizes = env::RecordPage::Sizes;

enum class Kind : std::uint8_t { offer = 1, want = 2, chunk = 3, end = 4 };

constexpr std::size_t kMinRecordBytes = 2;  // its two sizes

struct Encoder {
  codec::Writer writer;
  std::vector<Buffer> parts;

  void begin(Kind kind, SnapshotSession session) {
    writer.u8(static_cast<std::uint8_t>(kind));
    writer.varint(session);
  }
  void operator()(const SnapshotOffer& one) {
    begin(Kind::offer, one.session);
    writer.varint(one.id.position.value());
    writer.varint(one.id.tag.value());
    writer.sized_bytes(consensus::encode_membership(one.membership).view());
    parts.push_back(writer.take_buffer());
  }
  void operator()(const SnapshotWant& one) {
    begin(Kind::want, one.session);
    writer.varint(one.next);
    writer.varint(one.end);
    writer.u8(one.again ? 1 : 0);
    parts.push_back(writer.take_buffer());
  }
  void operator()(const SnapshotChunk& one) {
    begin(Kind::chunk, one.session);
    writer.varint(one.number);
    writer.u8(one.whole.has_value() ? 1 : 0);
    if (one.whole.has_value()) {
      writer.u32(one.whole->sum);
      writer.varint(one.whole->records);
    }
    writer.varint(one.sizes.size());
    for (const Sizes& sizes : one.sizes) {
      writer.varint(sizes.key);
      writer.varint(sizes.value);
    }
    const std::uint32_t checksum = codec::crc32c(one.bytes.view(), codec::crc32c(writer.view()));
    writer.u32(checksum);
    parts.push_back(writer.take_buffer());
    parts.push_back(one.bytes);
  }
  void operator()(const SnapshotEnd& one) {
    begin(Kind::end, one.session);
    writer.u8(static_cast<std::uint8_t>(one.outcome));
    parts.push_back(writer.take_buffer());
  }
};

std::optional<SnapshotMessage> decode_offer(codec::Reader& reader, SnapshotSession session) {
  SnapshotOffer offer{.session = session};
  offer.id.position = Position(reader.varint());
  offer.id.tag = Tag(reader.varint());
  std::optional<consensus::Membership> membership = consensus::decode_membership(reader.sized_bytes());
  if (!reader.finished() || !membership || offer.id.position.is_none() || offer.id.tag.is_none()) {
    return std::nullopt;
  }
  offer.membership = std::move(*membership);
  return offer;
}

std::optional<SnapshotMessage> decode_want(codec::Reader& reader, SnapshotSession session) {
  SnapshotWant want{.session = session, .next = reader.varint(), .end = reader.varint()};
  const std::uint8_t again = reader.u8();
  want.again = again == 1;
  if (!reader.finished() || again > 1 || want.end < want.next) {
    return std::nullopt;
  }
  return want;
}

std::optional<SnapshotMessage> decode_chunk(codec::Reader& reader, SnapshotSession session, const Buffer& message) {
  SnapshotChunk chunk{.session = session, .number = reader.varint()};
  const std::uint8_t flags = reader.u8();
  if (flags == 1) {
    chunk.whole.emplace();
    chunk.whole->sum = reader.u32();
    chunk.whole->records = reader.varint();
  }
  const std::uint64_t count = reader.varint();
  if (!reader.ok() || flags > 1 || count > reader.remaining() / kMinRecordBytes) {
    return std::nullopt;
  }
  chunk.sizes.reserve(static_cast<std::size_t>(count));
  std::uint64_t total = 0;
  for (std::uint64_t i = 0; i < count; ++i) {
    const std::uint64_t key = reader.varint();
    const std::uint64_t value = reader.varint();
    if (!reader.ok() || key > message.size() || value > message.size()) {
      return std::nullopt;
    }
    chunk.sizes.push_back({static_cast<std::uint32_t>(key), static_cast<std::uint32_t>(value)});
    total += key + value;
  }
  const ByteView checked = message.view().substr(0, reader.offset());
  const std::uint32_t checksum = reader.u32();
  const ByteView bytes = reader.rest();
  if (!reader.ok() || total != bytes.size() || checksum != codec::crc32c(bytes, codec::crc32c(checked))) {
    return std::nullopt;
  }
  chunk.bytes = message.slice_of(bytes);
  chunk.sum = sum_of_chunk(chunk.sizes, bytes);
  return chunk;
}

std::optional<SnapshotMessage> decode_end(codec::Reader& reader, SnapshotSession session) {
  const std::uint8_t outcome = reader.u8();
  if (!reader.finished() || (outcome != 1 && outcome != 2)) {
    return std::nullopt;
  }
  return SnapshotEnd{.session = session, .outcome = static_cast<SnapshotEnd::Outcome>(outcome)};
}

}  // namespace

std::vector<Buffer> encode_snapshot_message(const SnapshotMessage& message) {
  Encoder encoder;
  std::visit(encoder, message);
  return std::move(encoder.parts);
}

std::optional<SnapshotMessage> decode_snapshot_message(const Buffer& bytes) {
  codec::Reader reader(bytes.view());
  const auto kind = static_cast<Kind>(reader.u8());
  const SnapshotSession session = reader.varint();
  if (!reader.ok() || session == 0) {
    return std::nullopt;
  }
  switch (kind) {
    case Kind::offer: return decode_offer(reader, session);
    case Kind::want: return decode_want(reader, session);
    case Kind::chunk: return decode_chunk(reader, session, bytes);
    case Kind::end: return decode_end(reader, session);
  }
  return std::nullopt;
}

std::uint32_t sum_of_chunk(std::span<const Sizes> sizes, ByteView bytes) {
  codec::Writer shape;
  for (const Sizes& one : sizes) {
    shape.varint(one.key);
    shape.varint(one.value);
  }
  return codec::crc32c(bytes, codec::crc32c(shape.view()));
}

std::uint32_t add_to_sum(std::uint32_t before, std::uint32_t chunk) {
  std::array<char, 4> raw{};
  for (std::size_t i = 0; i < raw.size(); ++i) {
    raw[i] = static_cast<char>(static_cast<unsigned char>(chunk >> (8 * i)));
  }
  return codec::crc32c({raw.data(), raw.size()}, before);
}

}  // namespace quorate::group
