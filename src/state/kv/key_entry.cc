#include "state/kv/key_entry.h"

#include <algorithm>
#include <new>

#include "base/assert.h"

namespace quorate::kv {

KeyEntry::KeyEntry(ByteView key) : key_size_(static_cast<std::uint32_t>(key.size())) {
  std::memcpy(reinterpret_cast<char*>(this + 1), key.data(), key.size());
}

KeyEntry* KeyEntry::make(ByteView key) {
  void* memory = ::operator new(sizeof(KeyEntry) + key.size());
  return new (memory) KeyEntry(key);
}

void KeyEntry::destroy(KeyEntry* entry) {
  entry->~KeyEntry();
  ::operator delete(static_cast<void*>(entry));
}

std::size_t KeyEntry::version_count() const { return older_count() + (latest_.main == 0 ? 0 : 1); }

const Version& KeyEntry::version_at(std::size_t i) const { return i < older_count() ? history_->older[i] : latest_; }

void KeyEntry::push_latest_down() {
  if (latest_.main == 0) {
    return;
  }
  if (!history_) {
    history_ = std::make_unique<History>();
  }
  history_->older.push_back(latest_);
}

void KeyEntry::put(const Version& at, std::int64_t create_revision, std::int64_t version) {
  QUORATE_ASSERT(at.revision() > latest_.revision(), "versions of a key rise", at.main, at.sub, latest_.main);
  push_latest_down();
  latest_ = at;
  create_revision_ = create_revision;
  version_ = version;
}

void KeyEntry::erase(const Version& at) {
  QUORATE_ASSERT(at.revision() > latest_.revision(), "versions of a key rise", at.main, at.sub, latest_.main);
  const bool ends_generation = is_live();
  push_latest_down();
  if (ends_generation) {
    history_->closed.push_back({create_revision_, version_, history_->dropped + history_->older.size()});
  }
  latest_ = at;
  create_revision_ = 0;
  version_ = 0;
}

VersionInfo KeyEntry::info_at(std::size_t i) const {
  const std::size_t count = older_count();
  if (i >= count) {
    return latest_info();
  }
  const std::uint64_t number = history_->dropped + i;
  const auto generation = std::ranges::upper_bound(history_->closed, number, {}, &Generation::end);
  if (generation == history_->closed.end()) {
    return {history_->older[i], create_revision_, version_ - static_cast<std::int64_t>(count - i)};
  }
  return {history_->older[i], generation->create_revision,
          generation->version - static_cast<std::int64_t>(generation->end - 1 - number)};
}

bool KeyEntry::find_at(std::int64_t revision, VersionInfo& out) const {
  if (latest_.main <= revision) {
    out = latest_info();
    return is_live();
  }
  if (!history_) {
    return false;
  }
  const auto& older = history_->older;
  const auto behind = std::ranges::upper_bound(older, revision, {}, &Version::main);
  if (behind == older.begin() || std::prev(behind)->tombstone) {
    return false;
  }
  out = info_at(static_cast<std::size_t>(behind - older.begin()) - 1);
  return true;
}

const Version* KeyEntry::before(Revision at) const {
  if (!history_) {
    return nullptr;
  }
  const auto& older = history_->older;
  const auto behind = std::ranges::lower_bound(older, at, {}, &Version::revision);
  return behind == older.begin() ? nullptr : &*std::prev(behind);
}

void KeyEntry::versions_from(std::int64_t from, std::vector<Version>& out) const {
  if (history_) {
    const auto& older = history_->older;
    out.insert(out.end(), std::ranges::lower_bound(older, from, {}, &Version::main), older.end());
  }
  if (latest_.main >= from) {
    out.push_back(latest_);
  }
}

std::size_t KeyEntry::obsolete_at(std::int64_t revision) const {
  std::size_t reached = 0;  // versions with main <= revision
  if (latest_.main <= revision) {
    reached = version_count();
  } else if (history_) {
    const auto& older = history_->older;
    reached = static_cast<std::size_t>(std::ranges::upper_bound(older, revision, {}, &Version::main) - older.begin());
  }
  if (reached == 0) {
    return 0;
  }
  // The newest of them is what a read at `revision` sees, or the deletion that a watch from `revision` on must see.
  const Version& newest = version_at(reached - 1);
  return newest.tombstone && newest.main < revision ? reached : reached - 1;
}

bool KeyEntry::is_kept(const Version& version, std::int64_t revision) const {
  if (version.main > revision) {
    return true;
  }
  const std::size_t gone = obsolete_at(revision);
  return gone < version_count() && version.revision() >= version_at(gone).revision();
}

void KeyEntry::drop_oldest(std::size_t count, std::vector<Version>& removed) {
  QUORATE_ASSERT(count < version_count(), "an entry keeps at least one version", count, version_count());
  if (count == 0) {
    return;
  }
  History& history = *history_;
  const auto end = history.older.begin() + static_cast<std::ptrdiff_t>(count);
  removed.insert(removed.end(), history.older.begin(), end);
  history.older.erase(history.older.begin(), end);
  history.dropped += count;
  std::erase_if(history.closed, [&history](const Generation& g) { return g.end <= history.dropped; });
  if (history.older.empty()) {
    history_.reset();
  } else if (history.older.capacity() > 2 * history.older.size() + 8) {
    history.older.shrink_to_fit();
  }
}

}  // namespace quorate::kv
