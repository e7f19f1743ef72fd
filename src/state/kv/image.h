#pragma once
// The state of a store as its records tell it, built record by record: at start out of the engine, and while a snapshot
// arrives out of its chunks, beside the state that serves.
//
// Invariants: 1. records come in the order of their keys, so the meta record is the first. 2. finish() succeeds only if
//                nothing is missing above the compacted revision: a state that lost a record is not gone on with.
// Owned by the store. docs/formats/records.md has the bytes.

#include <cstdint>
#include <map>
#include <set>
#include <string>

#include "base/bytes.h"
#include "base/result.h"
#include "state/kv/key_index.h"
#include "state/kv/lease_table.h"
#include "state/kv/record.h"

namespace quorate::kv {

class Image {
 public:
  /// `key` without group and generation.
  [[nodiscard]] Status add(ByteView key, ByteView value);
  /// All records were added.
  [[nodiscard]] Status finish() const;

  /// Lets at most `max_keys` go, so that giving back the memory of millions of keys holds up nobody for long. False:
  /// nothing is left.
  bool release(std::size_t max_keys);

  Meta meta;
  KeyIndex index;
  LeaseTable leases;
  std::set<Alarm> alarms;
  std::map<NodeId, Buffer> members;
  std::map<NodeId, Buffer> contacts;
  std::uint64_t size_bytes = 0;

 private:
  [[nodiscard]] Status add_meta(ByteView key, ByteView value);
  [[nodiscard]] Status add_lease(ByteView key, ByteView value);
  [[nodiscard]] Status add_alarm(ByteView key);
  [[nodiscard]] static Status add_member(std::map<NodeId, Buffer>& to, ByteView key, ByteView value);
  [[nodiscard]] Status add_revision(ByteView key, ByteView value);
  void index_record(Revision at, const RecordView& view, std::size_t size);

  bool has_meta_ = false;
  std::string last_key_;
  Revision expected_{2, 0};  ///< the next one above the compacted revision
};

}  // namespace quorate::kv
