#include "base/plant.h"
#include "state/kv/store_impl.h"

namespace quorate::kv {

/// The record is erased from the engine with the next batch that contains the Compact command itself.
void StoreImpl::erase_record(const Version& version) {
  const RevisionKey key = keys_.revision(version.revision());
  add_side_op(compact_position_, {env::RecordBatch::Op::Kind::erase, Buffer::copy_of({key.data(), key.size()}), {}});
  size_bytes_ -= version.size_bytes;
}

/// Removes what the present pass removes of one key, oldest first, so that a crash in between leaves whole histories.
/// Returns how many records went; the entry may be gone after.
std::size_t StoreImpl::compact_entry(KeyEntry& entry, std::size_t max_records) {
  std::size_t obsolete = entry.obsolete_at(compact_revision_);
  if (QUORATE_PLANT(compaction_drops_live) && entry.is_live() && entry.latest().main < compact_revision_ &&
      entry.latest().main % 4 == 0) {
    obsolete = entry.version_count();
    leases_.attach(entry, 0);
  }
  if (obsolete == 0) {
    return 0;
  }
  const bool all = obsolete == entry.version_count();
  const std::size_t count = obsolete < max_records ? obsolete : max_records;
  removed_.clear();
  if (all && count == obsolete) {
    for (std::size_t i = 0; i < count; ++i) {
      removed_.push_back(entry.version_at(i));
    }
  } else {
    entry.drop_oldest(count, removed_);
  }
  for (const Version& version : removed_) {
    erase_record(version);
  }
  if (all && count == obsolete) {
    index_.remove(entry.key());
  }
  return count;
}

bool StoreImpl::compact_step(std::size_t max_records) {
  hash_step();
  const bool is_more = compacting_ && compact_slice(max_records);
  return is_more || hash_job_.is_active;
}

bool StoreImpl::compact_slice(std::size_t max_records) {
  if (pass_key_.empty()) {
    pass_revision_ = compact_revision_;
  }
  // Looking at a key costs far less than removing a record, but it is not free.
  std::size_t keys_left = 8 * max_records;
  std::size_t records_left = max_records;
  KeyIndex::Cursor at = index_.lower_bound(pass_key_);
  while (at.valid() && keys_left > 0 && records_left > 0) {
    --keys_left;
    KeyEntry& entry = at.entry();
    const std::size_t obsolete = entry.obsolete_at(compact_revision_);
    if (obsolete == 0 && !QUORATE_PLANT(compaction_drops_live)) {
      at.next();
      continue;
    }
    pass_key_.assign(entry.key());
    records_left -= compact_entry(entry, records_left);
    at = index_.lower_bound(pass_key_);
    if (at.valid() && at.entry().key() == ByteView(pass_key_) && at.entry().obsolete_at(compact_revision_) == 0) {
      at.next();
    }
  }
  if (at.valid()) {
    pass_key_.assign(at.entry().key());
    return true;
  }
  pass_key_.clear();
  compacting_ = pass_revision_ < compact_revision_;  // another Compact came meanwhile: once more from the beginning
  return compacting_;
}

}  // namespace quorate::kv
