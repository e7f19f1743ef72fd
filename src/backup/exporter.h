#pragma once
// From the records of one group's key-value store to the buckets of an etcd database.
//
// Invariants: 1. every revision, lease and alarm of the records is in the database, and nothing else. 2. the same
// records give the same bytes. 3. memory is that of the writer, and the alarms. The membership stays out: whoever
// restores a backup has other members. A value type, owned by one function or object. docs/formats/records.md and
// docs/formats/etcd_snapshot.md have the bytes.

#include <set>
#include <string>

#include "base/bytes.h"
#include "base/result.h"
#include "bbolt/writer.h"
#include "state/kv/record.h"

namespace quorate::backup {

class Exporter {
 public:
  /// `totals`: what finish() of a run over the same records returned; nothing in the first run.
  explicit Exporter(bbolt::Totals totals = {}) : writer_(totals) {}

  /// The next record in the order of keys; `key` without group and generation.
  [[nodiscard]] Status add(ByteView key, ByteView value);
  /// That was all.
  [[nodiscard]] Result<bbolt::Totals> finish();

  /// The bytes of the database since the last call.
  [[nodiscard]] std::string take() { return writer_.take(); }

 private:
  [[nodiscard]] Status add_lease(ByteView key, ByteView value);
  [[nodiscard]] Status add_alarm(ByteView key);
  [[nodiscard]] Status add_revision(ByteView key, ByteView value);
  void enter(std::string_view bucket);
  void leave();

  bbolt::Writer writer_;
  std::string_view bucket_;           ///< that is being written; empty: none
  std::set<std::string_view> begun_;  ///< of kBuckets
  std::set<std::string> alarms_;      ///< encoded etcdserverpb.AlarmMember
  kv::Meta meta_;
  bool has_meta_ = false;
};

}  // namespace quorate::backup
