#include "state/kv/image.h"

#include <algorithm>

#include "base/plant.h"
#include "codec/crc32c.h"
#include "codec/reader.h"

namespace quorate::kv {
namespace {

std::uint64_t big_endian(codec::Reader& reader, int bytes) {
  std::uint64_t value = 0;
  for (int i = 0; i < bytes; ++i) {
    value = value << 8 | reader.u8();
  }
  return value;
}

std::string text(Revision at) { return std::to_string(at.main) + "." + std::to_string(at.sub); }

}  // namespace

Status Image::add(ByteView key, ByteView value) {
  if (key.empty() || (!last_key_.empty() && key <= ByteView(last_key_))) {
    return fail(ErrorCode::corrupt, "the records are not in the order of their keys");
  }
  last_key_.assign(key);
  const auto kind = static_cast<RecordKind>(static_cast<unsigned char>(key.front()));
  key.remove_prefix(1);
  if (kind != RecordKind::meta && !has_meta_) {
    return fail(ErrorCode::corrupt, "the records do not begin with the one that says what they stand for");
  }
  switch (kind) {
    case RecordKind::meta: return add_meta(key, value);
    case RecordKind::lease: return add_lease(key, value);
    case RecordKind::alarm: return add_alarm(key);
    case RecordKind::member: return add_member(members, key, value);
    case RecordKind::contact: return add_member(contacts, key, value);
    case RecordKind::revision: return add_revision(key, value);
  }
  return fail(ErrorCode::newer_format,
              "a record is of kind " + std::to_string(static_cast<int>(kind)) + ", which this version does not know");
}

Status Image::add_meta(ByteView key, ByteView value) {
  const Result<Meta> read = decode_meta(value);
  if (!read) {
    return std::unexpected(read.error());
  }
  if (!key.empty()) {
    return fail(ErrorCode::corrupt, "the key of the first record is not readable");
  }
  has_meta_ = true;
  meta = *read;
  expected_ = {std::max<std::int64_t>(meta.compact_revision + 1, 2), 0};
  return {};
}

Status Image::add_lease(ByteView key, ByteView value) {
  codec::Reader key_reader(key);
  const auto id = static_cast<std::int64_t>(big_endian(key_reader, 8));
  const Result<std::int64_t> ttl = decode_lease(value);
  QUORATE_TRY(ttl);
  if (!key_reader.finished()) {
    return fail(ErrorCode::corrupt, "the key of a lease's record is not readable");
  }
  if (!QUORATE_PLANT(snapshot_loses_lease) || id % 2 == 0) {
    leases.grant(id, *ttl);
  }
  return {};
}

Status Image::add_alarm(ByteView key) {
  codec::Reader reader(key);
  Alarm alarm;
  alarm.member = big_endian(reader, 8);
  alarm.type = static_cast<std::int32_t>(big_endian(reader, 4));
  if (!reader.finished()) {
    return fail(ErrorCode::corrupt, "the record of an alarm is not readable");
  }
  alarms.insert(alarm);
  return {};
}

Status Image::add_member(std::map<NodeId, Buffer>& to, ByteView key, ByteView value) {
  codec::Reader reader(key);
  const NodeId member(big_endian(reader, 8));
  if (!reader.finished()) {
    return fail(ErrorCode::corrupt, "the record of a member is not readable");
  }
  to[member] = Buffer::copy_of(value);
  return {};
}

Status Image::add_revision(ByteView key, ByteView value) {
  codec::Reader reader(key);
  const auto main = static_cast<std::int64_t>(big_endian(reader, 8));
  const Revision at{main, static_cast<std::int64_t>(big_endian(reader, 4))};
  if (!reader.finished()) {
    return fail(ErrorCode::corrupt, "a revision's key has " + std::to_string(key.size()) + " bytes");
  }
  const Result<RecordView> view = read_record(value);
  if (!view) {
    return fail(view.error().code, view.error().text + " (revision " + std::to_string(at.main) + ")");
  }
  if (at.main > meta.compact_revision) {
    if (at != expected_) {
      return fail(ErrorCode::corrupt, "the record of revision " + text(expected_) +
                                          " is missing; the store is at revision " + std::to_string(meta.revision));
    }
    expected_ = view->last ? Revision{at.main + 1, 0} : Revision{at.main, at.sub + 1};
  }
  index_record(at, *view, kSpaceBytes + 1 + key.size() + value.size());
  return {};
}

void Image::index_record(Revision at, const RecordView& view, std::size_t size) {
  KeyEntry& entry = index.insert_live(view.kv.key);
  const Version version{.main = at.main,
                        .sub = static_cast<std::uint32_t>(at.sub),
                        .size_bytes = static_cast<std::uint32_t>(size),
                        .checksum = codec::crc32c(view.key_value),
                        .tombstone = view.tombstone};
  size_bytes += size;
  if (view.tombstone) {
    leases.attach(entry, 0);
    entry.erase(version);
    index.set_live(entry.key(), false);
  } else {
    entry.put(version, view.kv.create_revision, view.kv.version);
    leases.attach(entry, view.kv.lease);
  }
}

Status Image::finish() const {
  if (expected_ != Revision{std::max<std::int64_t>(meta.revision + 1, 2), 0}) {
    return fail(ErrorCode::corrupt, "the record of revision " + text(expected_) +
                                        " is missing; the store is at revision " + std::to_string(meta.revision));
  }
  return {};
}

bool Image::release(std::size_t max_keys) {
  leases.clear();
  for (; max_keys > 0 && index.size() > 0; --max_keys) {
    index.remove(index.first().entry().key());
  }
  return index.size() > 0;
}

}  // namespace quorate::kv
