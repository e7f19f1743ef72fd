#include "state/kv/record.h"

#include <algorithm>
#include <limits>
#include <string>

#include "base/assert.h"
#include "codec/reader.h"
#include "codec/varint.h"
#include "codec/writer.h"

namespace quorate::kv {
namespace {

constexpr std::uint8_t kFormatVersion = 1;

template <class Integer>
void put_big_endian(char* to, Integer value) {
  for (std::size_t i = 0; i < sizeof(Integer); ++i) {
    to[i] = static_cast<char>(static_cast<unsigned char>(value >> (8 * (sizeof(Integer) - 1 - i))));
  }
}

template <class Integer>
Integer get_big_endian(ByteView from) {
  Integer value = 0;
  for (std::size_t i = 0; i < sizeof(Integer); ++i) {
    value = static_cast<Integer>(value << 8 | static_cast<unsigned char>(from[i]));
  }
  return value;
}

}  // namespace

RecordKeys::RecordKeys(state::RecordSpace space) {
  const Buffer first = space.first();
  std::ranges::copy(first.view(), space_.begin());
}

Buffer RecordKeys::make(RecordKind kind, ByteView rest) const {
  const char tag = static_cast<char>(kind);
  const ByteView parts[] = {{space_.data(), space_.size()}, {&tag, 1}, rest};
  return Buffer::concat(parts);
}

Buffer RecordKeys::behind(RecordKind kind) const {
  return make(static_cast<RecordKind>(static_cast<std::uint8_t>(kind) + 1), {});
}

Buffer RecordKeys::lease(std::int64_t id) const {
  char raw[8];
  put_big_endian(raw, static_cast<std::uint64_t>(id));
  return make(RecordKind::lease, {raw, sizeof raw});
}

Buffer RecordKeys::alarm(std::uint64_t member, std::int32_t type) const {
  char raw[12];
  put_big_endian(raw, member);
  put_big_endian(raw + 8, static_cast<std::uint32_t>(type));
  return make(RecordKind::alarm, {raw, sizeof raw});
}

Buffer RecordKeys::member(NodeId member) const { return of_member(RecordKind::member, member); }

Buffer RecordKeys::contact(NodeId member) const { return of_member(RecordKind::contact, member); }

Buffer RecordKeys::of_member(RecordKind kind, NodeId member) const {
  char raw[8];
  put_big_endian(raw, member.value());
  return make(kind, {raw, sizeof raw});
}

RevisionKey RecordKeys::revision(Revision at) const {
  RevisionKey key;
  std::memcpy(key.data(), space_.data(), space_.size());
  key[kSpaceBytes] = static_cast<char>(RecordKind::revision);
  put_big_endian(key.data() + kSpaceBytes + 1, static_cast<std::uint64_t>(at.main));
  put_big_endian(key.data() + kSpaceBytes + 9, static_cast<std::uint32_t>(at.sub));
  return key;
}

Revision revision_of(ByteView record_key) {
  QUORATE_ASSERT(record_key.size() == kRevisionKeyBytes, "a revision's key has its one length", record_key.size());
  return {static_cast<std::int64_t>(get_big_endian<std::uint64_t>(record_key.substr(kSpaceBytes + 1))),
          static_cast<std::int64_t>(get_big_endian<std::uint32_t>(record_key.substr(kSpaceBytes + 9)))};
}

NewRecord NewRecord::make(const RevisionKey& key, const codec::KeyValue& kv, bool tombstone) {
  const std::size_t size = kRevisionKeyBytes + 1 + codec::key_value_size(kv);
  NewRecord record;
  record.block_ = std::make_shared_for_overwrite<char[]>(size);
  record.all_ = ByteView(record.block_.get(), size);
  std::memcpy(record.block_.get(), key.data(), key.size());
  record.block_[kRevisionKeyBytes] = static_cast<char>(tombstone ? kTombstoneFlag : 0);
  codec::write_key_value(record.block_.get() + kRevisionKeyBytes + 1, kv);
  record.key_offset_ = kRevisionKeyBytes + 2 + codec::varint_size(kv.key.size());
  record.key_size_ = kv.key.size();
  record.value_offset_ = size - codec::key_value_size({.lease = kv.lease}) - kv.value.size();
  record.value_size_ = kv.value.size();
  return record;
}

Result<RecordView> read_record(ByteView value) {
  RecordView view;
  if (value.empty() || !codec::read_key_value(value.substr(1), view.kv) || view.kv.key.empty()) {
    return fail(ErrorCode::corrupt,
                "a revision's record of " + std::to_string(value.size()) + " bytes is not readable");
  }
  const auto flags = static_cast<unsigned char>(value[0]);
  if ((flags & ~(kTombstoneFlag | kLastFlag)) != 0) {
    return fail(ErrorCode::newer_format, "a revision's record has the unknown flags " + std::to_string(flags));
  }
  view.tombstone = (flags & kTombstoneFlag) != 0;
  view.last = (flags & kLastFlag) != 0;
  view.key_value = value.substr(1);
  return view;
}

EtcdRevisionKey::EtcdRevisionKey(Revision at, bool tombstone) : size_(tombstone ? 18 : 17) {
  put_big_endian(bytes_.data(), static_cast<std::uint64_t>(at.main));
  bytes_[8] = '_';
  put_big_endian(bytes_.data() + 9, static_cast<std::uint64_t>(at.sub));
  bytes_[17] = 't';
}

std::optional<EtcdRevisionKey::Parts> EtcdRevisionKey::parse(ByteView key) {
  const bool tombstone = key.size() == 18 && key[17] == 't';
  if ((key.size() != 17 && !tombstone) || key[8] != '_') {
    return std::nullopt;
  }
  const auto main = static_cast<std::int64_t>(get_big_endian<std::uint64_t>(key));
  const auto sub = static_cast<std::int64_t>(get_big_endian<std::uint64_t>(key.substr(9)));
  if (main < 1 || sub < 0 || sub > std::numeric_limits<std::uint32_t>::max()) {
    return std::nullopt;
  }
  return Parts{{main, sub}, tombstone};
}

Buffer encode_meta(const Meta& meta) {
  codec::Writer out;
  out.u8(kFormatVersion);
  out.u64(meta.applied.value());
  out.u64(static_cast<std::uint64_t>(meta.revision));
  out.u64(static_cast<std::uint64_t>(meta.compact_revision));
  return out.take_buffer();
}

Result<Meta> decode_meta(ByteView value) {
  codec::Reader in(value);
  const std::uint8_t version = in.u8();
  if (in.ok() && version != kFormatVersion) {
    return fail(version > kFormatVersion ? ErrorCode::newer_format : ErrorCode::corrupt,
                "the store's records have format " + std::to_string(version) + ", this program knows " +
                    std::to_string(kFormatVersion));
  }
  Meta meta;
  meta.applied = Position(in.u64());
  meta.revision = static_cast<std::int64_t>(in.u64());
  meta.compact_revision = static_cast<std::int64_t>(in.u64());
  if (!in.finished() || meta.revision < 1 || meta.compact_revision < -1 || meta.compact_revision > meta.revision) {
    return fail(ErrorCode::corrupt, "the store's meta record is not readable");
  }
  return meta;
}

Buffer encode_lease(std::int64_t granted_ttl) {
  codec::Writer out;
  out.u64(static_cast<std::uint64_t>(granted_ttl));
  return out.take_buffer();
}

Result<std::int64_t> decode_lease(ByteView value) {
  codec::Reader in(value);
  const auto granted_ttl = static_cast<std::int64_t>(in.u64());
  if (!in.finished()) {
    return fail(ErrorCode::corrupt, "the record of a lease is not readable");
  }
  return granted_ttl;
}

}  // namespace quorate::kv
