#include "backup/exporter.h"

#include "backup/etcd_buckets.h"
#include "base/plant.h"
#include "codec/writer.h"

namespace quorate::backup {
namespace {

std::string big_endian(std::uint64_t value) {
  std::string bytes;
  for (int shift = 56; shift >= 0; shift -= 8) {
    bytes.push_back(static_cast<char>(value >> shift & 0xFFU));
  }
  return bytes;
}

std::uint64_t number(ByteView big_endian_bytes) {
  std::uint64_t value = 0;
  for (const char byte : big_endian_bytes) {
    value = value << 8 | static_cast<unsigned char>(byte);
  }
  return value;
}

/// A protobuf message of two numbers, fields 1 and 2, as protobuf writes it.
std::string two_fields(std::uint64_t first, std::uint64_t second) {
  codec::Writer out;
  if (first != 0) {
    out.u8(0x08);
    out.varint(first);
  }
  if (second != 0) {
    out.u8(0x10);
    out.varint(second);
  }
  return out.take();
}

std::unexpected<Error> damaged(std::string what) { return fail(ErrorCode::corrupt, std::move(what)); }

}  // namespace

Status Exporter::add(ByteView key, ByteView value) {
  if (key.empty()) {
    return damaged("a record has no kind");
  }
  const auto kind = static_cast<kv::RecordKind>(static_cast<unsigned char>(key.front()));
  const ByteView rest = key.substr(1);
  switch (kind) {
    case kv::RecordKind::meta: {
      const Result<kv::Meta> meta = kv::decode_meta(value);
      QUORATE_TRY(meta);
      meta_ = *meta;
      has_meta_ = true;
      return {};
    }
    case kv::RecordKind::lease: return add_lease(rest, value);
    case kv::RecordKind::alarm: return add_alarm(rest);
    case kv::RecordKind::member:
    case kv::RecordKind::contact: return {};
    case kv::RecordKind::revision: return add_revision(rest, value);
  }
  return fail(ErrorCode::newer_format,
              "a record is of kind " + std::to_string(static_cast<int>(kind)) + ", which this version does not know");
}

Status Exporter::add_lease(ByteView key, ByteView value) {
  if (QUORATE_PLANT(backup_without_leases)) {
    return {};
  }
  const Result<std::int64_t> ttl = kv::decode_lease(value);
  QUORATE_TRY(ttl);
  if (key.size() != sizeof(std::uint64_t)) {
    return damaged("the key of a lease has " + std::to_string(key.size()) + " bytes");
  }
  enter(kLeaseBucket);
  writer_.add(key, two_fields(number(key), static_cast<std::uint64_t>(*ttl)));
  return {};
}

Status Exporter::add_alarm(ByteView key) {
  constexpr std::size_t kMemberBytes = 8;
  if (key.size() != kMemberBytes + 4) {
    return damaged("the key of an alarm has " + std::to_string(key.size()) + " bytes");
  }
  alarms_.insert(two_fields(number(key.substr(0, kMemberBytes)), number(key.substr(kMemberBytes))));
  return {};
}

Status Exporter::add_revision(ByteView key, ByteView value) {
  constexpr std::size_t kMainBytes = 8;
  const Result<kv::RecordView> view = kv::read_record(value);
  if (!view) {
    return std::unexpected(view.error());
  }
  if (key.size() != kMainBytes + 4) {
    return damaged("a revision's key has " + std::to_string(key.size()) + " bytes");
  }
  const kv::Revision at{static_cast<std::int64_t>(number(key.substr(0, kMainBytes))),
                        static_cast<std::int64_t>(number(key.substr(kMainBytes)))};
  enter(kKeyBucket);
  writer_.add(kv::EtcdRevisionKey(at, view->tombstone).view(), view->key_value);
  return {};
}

Result<bbolt::Totals> Exporter::finish() {
  if (!has_meta_) {
    return damaged("the store has no record that says what its records stand for");
  }
  leave();
  for (const std::string_view bucket : kBuckets) {
    if (begun_.contains(bucket)) {
      continue;
    }
    enter(bucket);
    if (bucket == kAlarmBucket) {
      for (const std::string& alarm : alarms_) {
        writer_.add(alarm, {});
      }
    } else if (bucket == kMetaBucket) {
      writer_.add(kConsistentIndex, big_endian(meta_.applied.value()));
      if (meta_.compact_revision > 0) {
        writer_.add(kScheduledCompaction, kv::EtcdRevisionKey({meta_.compact_revision, 0}, false).view());
      }
    }
    leave();
  }
  return writer_.finish();
}

void Exporter::enter(std::string_view bucket) {
  if (bucket_ == bucket) {
    return;
  }
  leave();
  bucket_ = bucket;
  begun_.insert(bucket);
  writer_.begin_bucket(bucket);
}

void Exporter::leave() {
  if (!bucket_.empty()) {
    writer_.end_bucket();
    bucket_ = {};
  }
}

}  // namespace quorate::backup
