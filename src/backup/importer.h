#pragma once
// From the buckets of an etcd database that nobody vouches for to the records of a key-value store.
//
// Invariants: 1. what is handed over is a whole state: above the compacted revision no revision is missing, and every
// key and value reads. 2. the figures are those of `etcdctl snapshot status`, whatever the database holds besides. 3.
// memory is one record. The membership, and alarms, which belong to members, are left behind. A value type, owned by
// one function. docs/formats/etcd_snapshot.md has the bytes.

#include <cstdint>
#include <optional>
#include <string>

#include "base/bytes.h"
#include "base/result.h"
#include "bbolt/reader.h"
#include "state/kv/record.h"

namespace quorate::backup {

struct Figures {
  std::uint32_t hash = 0;  ///< CRC-32C over the buckets' names, keys and values
  std::int64_t revision = 1;
  std::int64_t compact_revision = -1;
  std::uint64_t items = 0;  ///< of all buckets: what etcdctl calls the total of keys
  std::uint64_t revisions = 0;
  std::uint64_t leases = 0;
  std::uint64_t alarms = 0;
  bool auth_enabled = false;
};

class RecordSink {
 public:
  virtual ~RecordSink() = default;
  [[nodiscard]] virtual Status put(Buffer key, Buffer value) = 0;
};

class Importer final : public bbolt::Visitor {
 public:
  /// The records get keys of `space`, and stand for position `applied` of a log. `sink` null: only look. `bump`: the
  /// revision is raised by so much, and everything before is marked as compacted; 0: neither.
  Importer(state::RecordSpace space, Position applied, RecordSink* sink, std::int64_t bump = 0)
      : keys_(space), applied_(applied), sink_(sink), bump_(bump) {}

  [[nodiscard]] Status on_bucket(ByteView name) override;
  [[nodiscard]] Status on_item(ByteView key, ByteView value) override;
  /// The whole database was walked. Only now all records were handed over.
  [[nodiscard]] Result<Figures> finish();

 private:
  /// A change whose successor tells whether it was the last of its revision.
  struct Change {
    kv::Revision at;
    bool tombstone = false;
    std::string key_value;
  };

  [[nodiscard]] Status on_revision(ByteView key, ByteView value);
  [[nodiscard]] Status on_lease(ByteView key, ByteView value);
  [[nodiscard]] Status on_meta(ByteView key, ByteView value);
  void look_for_gap(kv::Revision at);
  [[nodiscard]] Status hand_over_last(bool is_last_of_revision);
  [[nodiscard]] Status put(Buffer key, Buffer value) {
    return sink_ == nullptr ? Status() : sink_->put(std::move(key), std::move(value));
  }

  kv::RecordKeys keys_;
  Position applied_;
  RecordSink* sink_;
  std::int64_t bump_;
  std::string bucket_;
  std::optional<Change> last_;
  std::int64_t incomplete_ = -1;  ///< the highest revision that is missing, or a part of it; -1: none
  Figures figures_;
};

}  // namespace quorate::backup
