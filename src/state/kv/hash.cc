#include <algorithm>
#include <utility>

#include "base/assert.h"
#include "codec/crc32c.h"
#include "state/kv/store_impl.h"

// HashKV reads every record, so it is a job in slices: one when it is asked for, the others by compact_step(). Versions
// that a compaction at the hashed revision would remove are left out if they lie at or below the compacted one, so that
// the hash does not depend on how far the removal got. (etcd's quirk: unless nothing at all would be kept.)
namespace quorate::kv {
namespace {

constexpr std::size_t kRecordsASlice = 16'384;
constexpr std::size_t kKeysASlice = 65'536;
constexpr std::size_t kPrefetch = 512;         ///< old records asked for at once when one is not in memory
constexpr std::size_t kAheadBytes = 4U << 20;  ///< of the others, which lie one behind the other

/// etcd's form of a record: its revision's key, then the marshalled KeyValue.
std::uint32_t hash_record(std::uint32_t hash, Revision at, const RecordView& view) {
  hash = codec::crc32c(EtcdRevisionKey(at, view.tombstone).view(), hash);
  return codec::crc32c(view.key_value, hash);
}

}  // namespace

state::Execution StoreImpl::hash_kv(std::int64_t revision, Reply& reply, Callback<> ready) {
  reply = Reply{.revision = revision_};
  if (revision > 0 && (revision < compact_revision_ || revision > revision_)) {
    reply.failure = revision > revision_ ? Failure::future_revision : Failure::compacted;
    return state::Execution::done;
  }
  const std::int64_t upto = revision == 0 ? revision_ : revision;
  const auto is_this = [&](const HashJob& job) { return job.upto == upto && job.compacted == compact_revision_; };
  if (!hash_job_.is_active && !is_this(hash_job_)) {
    hash_job_ = HashJob{.upto = upto, .compacted = compact_revision_, .is_active = true, .hash = codec::crc32c("key")};
    hash_slice();
  }
  if (hash_job_.is_active || !is_this(hash_job_)) {
    hash_waiters_.push_back(ready);
    return state::Execution::pending;
  }
  reply.body = codec::encode_hash_kv_reply(hash_job_.hash, compact_revision_, upto);
  return state::Execution::done;
}

/// Goes on with the job; when it ends, or became void, everybody who waits may ask again.
void StoreImpl::hash_step() {
  if (!hash_job_.is_active) {
    return;
  }
  if (hash_job_.compacted != compact_revision_) {
    hash_job_ = HashJob{};
  } else {
    hash_slice();
  }
  if (!hash_job_.is_active) {
    for (const Callback<>& ready : std::exchange(hash_waiters_, {})) {
      ready();
    }
  }
}

void StoreImpl::hash_slice() {
  if (!hash_job_.has_old && !hash_find_old()) {
    return;
  }
  if (!hash_job_.is_fetching) {
    hash_read();
  }
}

/// Finds the versions at or below the compacted revision that count. True when all keys were looked at.
bool StoreImpl::hash_find_old() {
  HashJob& job = hash_job_;
  KeyIndex::Cursor at = index_.lower_bound(job.next_key);
  std::vector<Version> versions;
  for (std::size_t keys = 0; at.valid() && keys < kKeysASlice; at.next(), ++keys) {
    const KeyEntry& entry = at.entry();
    VersionInfo info;
    const bool is_live = entry.find_at(job.upto, info);
    job.keeps_any = job.keeps_any || is_live;
    for (std::size_t i = entry.obsolete_at(job.compacted); i < entry.version_count(); ++i) {
      const Version& version = entry.version_at(i);
      if (version.main > job.compacted || version.main > job.upto) {
        break;
      }
      job.old.push_back({version.revision(), is_live && version.revision() == info.at.revision()});
    }
  }
  if (at.valid()) {
    job.next_key.assign(at.entry().key());
    return false;
  }
  if (job.keeps_any) {
    std::erase_if(job.old, [](const auto& one) { return !one.second; });
  }
  std::ranges::sort(job.old);
  job.has_old = true;
  job.next = {std::max<std::int64_t>(job.compacted + 1, 2), 0};
  return true;
}

/// Hashes records until the slice is full or one of them must be fetched.
void StoreImpl::hash_read() {
  HashJob& job = hash_job_;
  reader_.begin();
  std::size_t records = 0;
  for (; records < kRecordsASlice; ++records) {
    const bool is_old = job.next_old < job.old.size();
    const Revision at = is_old ? job.old[job.next_old].first : job.next;
    if (!is_old && at.main > job.upto) {
      job.is_active = false;
      job.old = {};
      break;
    }
    if (!is_old && job.asked_ahead != at && !reader_.is_at_hand(at)) {
      job.asked_ahead = at;
      job.is_fetching = true;
      reader_.read_ahead(at, job.upto, kAheadBytes, Callback<>::to<&StoreImpl::on_hash_fetched>(this));
      break;
    }
    Buffer value;
    const env::Lookup::State state = reader_.read(at, value);
    if (state == env::Lookup::State::pending) {
      break;
    }
    QUORATE_ASSERT(state == env::Lookup::State::value, "the engine holds every revision of the index", at.main, at.sub);
    const Result<RecordView> view = read_record(value.view());
    QUORATE_ASSERT(view.has_value(), "a record of the engine is readable", at.main, at.sub);
    job.hash = hash_record(job.hash, at, *view);
    if (is_old) {
      ++job.next_old;
    } else {
      job.next = view->last ? Revision{at.main + 1, 0} : Revision{at.main, at.sub + 1};
    }
  }
  if (!reader_.complete()) {
    hash_prefetch();
    job.is_fetching = true;
  }
  (void)reader_.finish(Callback<>::to<&StoreImpl::on_hash_fetched>(this));
}

void StoreImpl::hash_prefetch() {
  const HashJob& job = hash_job_;
  for (std::size_t i = job.next_old + 1; i < std::min(job.next_old + kPrefetch, job.old.size()); ++i) {
    Buffer ignored;
    (void)reader_.read(job.old[i].first, ignored);
  }
}

void StoreImpl::on_hash_fetched(std::uint64_t) { hash_job_.is_fetching = false; }

void StoreImpl::hash_into(Hasher& hasher) const {
  hasher.add(executed_);
  hasher.add(static_cast<std::uint64_t>(revision_));
  hasher.add(static_cast<std::uint64_t>(compact_revision_));
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
      hasher.add(static_cast<std::uint64_t>(version.sub) << 33 | static_cast<std::uint64_t>(version.tombstone) << 32 |
                 version.checksum);
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
  for (const auto* known : {&members_, &contacts_}) {
    for (const auto& [member, description] : *known) {
      hasher.add(member);
      hasher.add(description.view());
    }
  }
}

}  // namespace quorate::kv
