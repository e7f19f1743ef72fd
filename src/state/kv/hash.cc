#include <set>

#include "base/assert.h"
#include "codec/crc32c.h"
#include "state/kv/store_impl.h"

namespace quorate::kv {
namespace {

/// etcd's CRC-32C over its own form of the records: "key", then each revision's key and marshalled KeyValue.
class EtcdHash {
 public:
  void add(Revision at, bool tombstone, ByteView key_value) {
    char key[18];
    for (int i = 0; i < 8; ++i) {
      key[i] = static_cast<char>(static_cast<std::uint64_t>(at.main) >> (56 - 8 * i));
      key[9 + i] = static_cast<char>(static_cast<std::uint64_t>(at.sub) >> (56 - 8 * i));
    }
    key[8] = '_';
    key[17] = 't';
    hash_ = codec::crc32c({key, tombstone ? 18U : 17U}, hash_);
    hash_ = codec::crc32c(key_value, hash_);
  }
  [[nodiscard]] std::uint32_t value() const { return hash_; }

 private:
  std::uint32_t hash_ = codec::crc32c("key");
};

}  // namespace

/// Versions that a compaction at the hashed revision would remove are left out if they lie at or below the compacted
/// one: so the hash does not depend on how far the removal got. (etcd's quirk: unless nothing at all would be kept.)
state::Execution StoreImpl::hash_kv(std::int64_t revision, Reply& reply, Callback<> ready) {
  reply = Reply{.revision = revision_};
  if (revision > 0 && (revision < compact_revision_ || revision > revision_)) {
    reply.failure = revision > revision_ ? Failure::future_revision : Failure::compacted;
    return state::Execution::done;
  }
  const std::int64_t upto = revision == 0 ? revision_ : revision;
  std::set<Revision> hashed;    // above the compacted revision, or kept at `upto`
  std::set<Revision> old;       // not kept at `upto`, but left by the compaction
  bool keeps_any = false;
  VersionInfo info;
  std::vector<Version> versions;
  for (KeyIndex::Cursor at = index_.first(); at.valid(); at.next()) {
    const KeyEntry& entry = at.entry();
    const bool keeps = entry.find_at(upto, info);
    keeps_any = keeps_any || keeps;
    versions.clear();
    entry.versions_from(0, versions);
    for (const Version& version : versions) {
      if (version.main > upto || !entry.is_kept(version, compact_revision_)) {
        continue;
      }
      const bool in = version.main > compact_revision_ || (keeps && version.revision() == info.at.revision());
      (in ? hashed : old).insert(version.revision());
    }
  }
  if (!keeps_any) {
    hashed.merge(old);
  }
  reader_.begin(true);
  EtcdHash hash;
  for (const Revision at : hashed) {
    Buffer value;
    const env::Lookup::State state = reader_.read(at, value);
    QUORATE_ASSERT(state != env::Lookup::State::absent, "the engine holds every revision of the index", at.main, at.sub);
    if (state == env::Lookup::State::value) {
      const Result<RecordView> view = read_record(value.view());
      QUORATE_ASSERT(view.has_value(), "a record of the engine is readable", at.main, at.sub);
      hash.add(at, view->tombstone, view->key_value);
    }
  }
  if (reader_.complete()) {
    reply.body = codec::encode_hash_kv_reply(hash.value(), compact_revision_, upto);
  }
  return reader_.finish(ready);
}

void StoreImpl::hash_into(Hasher& hasher) const {
  hasher.add(executed_);
  hasher.add(static_cast<std::uint64_t>(revision_));
  hasher.add(static_cast<std::uint64_t>(compact_revision_));
  std::vector<Version> versions;
  for (KeyIndex::Cursor at = index_.first(); at.valid(); at.next()) {
    const KeyEntry& entry = at.entry();
    const std::size_t count = entry.version_count();
    const std::size_t gone = entry.obsolete_at(compact_revision_);
    if (gone == count) {
      continue;
    }
    hasher.add(entry.key());
    hasher.add(static_cast<std::uint64_t>(entry.create_revision()));
    hasher.add(static_cast<std::uint64_t>(entry.version()));
    hasher.add(static_cast<std::uint64_t>(entry.lease()));
    for (std::size_t i = gone; i < count; ++i) {
      const Version& version = entry.version_at(i);
      hasher.add(static_cast<std::uint64_t>(version.main));
      hasher.add(static_cast<std::uint64_t>(version.sub) << 33 | static_cast<std::uint64_t>(version.tombstone) << 32 | version.checksum);
    }
  }
  for (const LeaseInfo& lease : leases_.all()) {
    hasher.add(static_cast<std::uint64_t>(lease.id));
    hasher.add(static_cast<std::uint64_t>(lease.granted_ttl));
    for (const KeyEntry* entry : leases_.keys(lease.id)) {
      hasher.add(entry->key());
    }
  }
  for (const Alarm& alarm : alarms_) {
    hasher.add(alarm.member);
    hasher.add(static_cast<std::uint64_t>(alarm.type));
  }
}

}  // namespace quorate::kv
