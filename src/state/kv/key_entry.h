#pragma once
// One key of the index: its latest version in place, older ones in a list that most keys never have.
//
// Invariants: 1. versions rise by revision. 2. a generation begins with a put and ends with a tombstone; compaction
// only takes versions away at the old end, so the versions of a generation that are left are consecutive. 3. an entry
// does not move while it is in the index: leases point to it. The key's bytes stand behind the entry in one allocation:
// 64 bytes and the key. Owned by KeyIndex.

#include <cstdint>
#include <memory>
#include <vector>

#include "base/bytes.h"

namespace quorate::kv {

/// Where a record is: the main revision of its command and its number among that command's changes.
struct Revision {
  std::int64_t main = 0;
  std::int64_t sub = 0;
  friend auto operator<=>(const Revision&, const Revision&) = default;
};

/// What the index knows of one record.
struct Version {
  std::int64_t main = 0;
  std::uint32_t sub = 0;
  std::uint32_t size_bytes = 0;  ///< of the record in the store
  std::uint32_t checksum = 0;    ///< of the record's value: state hashes see values without reading them
  bool tombstone = false;

  [[nodiscard]] Revision revision() const { return {main, sub}; }
};

/// A version with what its KeyValue says of the key's life.
struct VersionInfo {
  Version at;
  std::int64_t create_revision = 0;
  std::int64_t version = 0;
};

class KeyEntry {
 public:
  KeyEntry(const KeyEntry&) = delete;
  KeyEntry& operator=(const KeyEntry&) = delete;
  [[nodiscard]] static KeyEntry* make(ByteView key);
  static void destroy(KeyEntry* entry);

  [[nodiscard]] ByteView key() const { return {bytes(), key_size_}; }
  [[nodiscard]] bool is_live() const { return version_ != 0; }
  [[nodiscard]] const Version& latest() const { return latest_; }
  [[nodiscard]] std::int64_t create_revision() const { return create_revision_; }  ///< 0 if not live
  [[nodiscard]] std::int64_t version() const { return version_; }                  ///< 0 if not live
  [[nodiscard]] VersionInfo latest_info() const { return {latest_, create_revision_, version_}; }
  [[nodiscard]] std::int64_t lease() const { return lease_; }
  void set_lease(std::int64_t lease) { lease_ = lease; }

  /// Adds a put as the latest version; `create` and `version` as its KeyValue has them.
  void put(const Version& at, std::int64_t create_revision, std::int64_t version);
  /// Adds a tombstone as the latest version. Only after recovery may the entry be without versions.
  void erase(const Version& at);

  /// The version that a read at main revision `revision` sees; false if the key does not exist there.
  [[nodiscard]] bool find_at(std::int64_t revision, VersionInfo& out) const;
  /// The version before the one at `at`, tombstones included; null if there is none.
  [[nodiscard]] const Version* before(Revision at) const;
  /// The versions from main revision `from` on, oldest first.
  void versions_from(std::int64_t from, std::vector<Version>& out) const;
  [[nodiscard]] std::size_t version_count() const;

  /// How many of the oldest versions a compaction at `revision` removes; all of them if the key is gone.
  [[nodiscard]] std::size_t obsolete_at(std::int64_t revision) const;
  /// True if a compaction at `revision` leaves this version. It must be one of the entry's.
  [[nodiscard]] bool is_kept(const Version& version, std::int64_t revision) const;
  /// Removes the `count` oldest versions (not all of them) and appends them to `removed`.
  void drop_oldest(std::size_t count, std::vector<Version>& removed);
  /// The i-th oldest version.
  [[nodiscard]] const Version& version_at(std::size_t i) const;
  /// The same with the life of its generation. It must not be a tombstone.
  [[nodiscard]] VersionInfo info_at(std::size_t i) const;

 private:
  struct Generation {
    std::int64_t create_revision = 0;
    std::int64_t version = 0;  ///< of its last put
    std::uint64_t end = 0;     ///< the tombstone's number in the key's whole life
  };
  struct History {
    std::vector<Version> older;      ///< all but the latest
    std::vector<Generation> closed;  ///< those that ended, oldest first
    std::uint64_t dropped = 0;       ///< versions that compaction took: number of older[0]
  };

  explicit KeyEntry(ByteView key);
  ~KeyEntry() = default;
  [[nodiscard]] const char* bytes() const { return reinterpret_cast<const char*>(this + 1); }
  [[nodiscard]] std::size_t older_count() const { return history_ ? history_->older.size() : 0; }
  void push_latest_down();

  Version latest_;
  std::int64_t create_revision_ = 0;
  std::int64_t version_ = 0;
  std::int64_t lease_ = 0;
  std::unique_ptr<History> history_;
  std::uint32_t key_size_ = 0;
};

}  // namespace quorate::kv
