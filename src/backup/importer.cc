#include "backup/importer.h"

#include <algorithm>
#include <utility>

#include "backup/etcd_buckets.h"
#include "codec/crc32c.h"
#include "codec/etcd_reply.h"
#include "codec/proto_fields.h"
#include "codec/writer.h"

namespace quorate::backup {
namespace {

std::unexpected<Error> damaged(std::string what) { return fail(ErrorCode::corrupt, std::move(what)); }

}  // namespace

Status Importer::on_bucket(ByteView name) {
  bucket_ = name;
  figures_.hash = codec::crc32c(name, figures_.hash);
  return {};
}

Status Importer::on_item(ByteView key, ByteView value) {
  figures_.hash = codec::crc32c(value, codec::crc32c(key, figures_.hash));
  ++figures_.items;
  if (bucket_ == kKeyBucket) {
    return on_revision(key, value);
  }
  if (bucket_ == kLeaseBucket) {
    return on_lease(key, value);
  }
  if (bucket_ == kMetaBucket) {
    return on_meta(key, value);
  }
  if (bucket_ == kAlarmBucket) {
    ++figures_.alarms;
  } else if (bucket_ == kAuthBucket && key == kAuthEnabled) {
    figures_.auth_enabled = value == ByteView("\x01", 1);
  }
  return {};
}

Status Importer::on_revision(ByteView key, ByteView value) {
  const std::optional<kv::EtcdRevisionKey::Parts> parts = kv::EtcdRevisionKey::parse(key);
  codec::KeyValue kv;
  if (!parts.has_value() || !codec::read_key_value(value, kv) || kv.key.empty()) {
    return damaged("the revision behind " + std::to_string(figures_.revision) + " does not read");
  }
  look_for_gap(parts->at);
  if (last_.has_value()) {
    QUORATE_TRY(hand_over_last(parts->at.main != last_->at.main));
  }
  last_ = Change{parts->at, parts->tombstone, std::string(value)};
  figures_.revision = parts->at.main;
  ++figures_.revisions;
  return {};
}

/// Below the compacted revision, which is only known in the end, revisions may be missing.
void Importer::look_for_gap(kv::Revision at) {
  const kv::Revision before = last_.has_value() ? last_->at : kv::Revision{1, 0};
  const bool follows = at == kv::Revision{before.main, before.sub + 1} && last_.has_value();
  if (follows || (at.sub == 0 && at.main <= before.main + 1)) {
    return;
  }
  incomplete_ = at.sub == 0 ? at.main - 1 : at.main;
}

Status Importer::hand_over_last(bool is_last_of_revision) {
  const Change& change = *last_;
  const unsigned char flags = static_cast<unsigned char>((change.tombstone ? kv::kTombstoneFlag : 0U) |
                                                         (is_last_of_revision ? kv::kLastFlag : 0U));
  const char flag_byte = static_cast<char>(flags);
  const ByteView parts[] = {{&flag_byte, 1}, change.key_value};
  const kv::RevisionKey key = keys_.revision(change.at);
  return put(Buffer::copy_of({key.data(), key.size()}), Buffer::concat(parts));
}

Status Importer::on_lease(ByteView key, ByteView value) {
  codec::FieldReader fields(value);
  std::int64_t id = 0;
  std::int64_t ttl = 0;
  while (fields.next()) {
    id = fields.is_varint(1) ? fields.int64() : id;
    ttl = fields.is_varint(2) ? fields.int64() : ttl;
  }
  if (!fields.ok() || key.size() != sizeof(id) || id == 0) {
    return damaged("a lease does not read");
  }
  ++figures_.leases;
  return put(keys_.lease(id), kv::encode_lease(ttl));
}

Status Importer::on_meta(ByteView key, ByteView value) {
  if (key != kScheduledCompaction && key != kFinishedCompaction) {
    return {};
  }
  const std::optional<kv::EtcdRevisionKey::Parts> parts = kv::EtcdRevisionKey::parse(value);
  if (!parts.has_value()) {
    return damaged("the compacted revision does not read");
  }
  figures_.compact_revision = std::max(figures_.compact_revision, parts->at.main);
  return {};
}

Result<Figures> Importer::finish() {
  if (last_.has_value()) {
    QUORATE_TRY(hand_over_last(true));
  }
  // etcd before 3.6 takes a tombstone away that its compaction ended with, be it the newest revision.
  figures_.revision = std::max(figures_.revision, figures_.compact_revision);
  if (incomplete_ > figures_.compact_revision) {
    return damaged("revision " + std::to_string(incomplete_) + " is missing or not whole; the compacted revision is " +
                   std::to_string(figures_.compact_revision));
  }
  if (bump_ > 0) {
    figures_.revision += bump_;
    figures_.compact_revision = figures_.revision;
  }
  QUORATE_TRY(put(keys_.meta(), kv::encode_meta({applied_, figures_.revision, figures_.compact_revision})));
  return figures_;
}

}  // namespace quorate::backup
