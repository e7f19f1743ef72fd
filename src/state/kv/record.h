#pragma once
// The bytes of the store's records: docs/formats/records.md has them one by one.
//
// Invariants: 1. keys begin with (group, generation) and the kind; numbers in keys are big-endian, so that records of
// revisions lie in the order of revisions. 2. a revision's value is one flag byte and the marshalled mvccpb.KeyValue,
// as etcd keeps it: replies and hashes copy it as it is. Pure.

#include <array>
#include <cstdint>
#include <optional>

#include "base/bytes.h"
#include "base/ids.h"
#include "base/result.h"
#include "codec/etcd_reply.h"
#include "state/kv/key_entry.h"
#include "state/state_machine.h"

namespace quorate::kv {

enum class RecordKind : std::uint8_t {
  meta = 0x01,
  lease = 0x02,
  alarm = 0x03,
  member = 0x04,
  contact = 0x05,
  revision = 0x10
};

using state::kSpaceBytes;
inline constexpr std::size_t kRevisionKeyBytes = kSpaceBytes + 1 + 12;  ///< kind, main, sub
using RevisionKey = std::array<char, kRevisionKeyBytes>;

inline constexpr unsigned char kTombstoneFlag = 1;
inline constexpr unsigned char kLastFlag = 2;  ///< the last change of its main revision

/// What the meta record says: the command up to which all other records are complete.
struct Meta {
  Position applied;
  std::int64_t revision = 1;
  std::int64_t compact_revision = -1;
};

/// Keys of one group's records.
class RecordKeys {
 public:
  explicit RecordKeys(state::RecordSpace space);

  [[nodiscard]] Buffer meta() const { return make(RecordKind::meta, {}); }
  [[nodiscard]] Buffer lease(std::int64_t id) const;
  [[nodiscard]] Buffer alarm(std::uint64_t member, std::int32_t type) const;
  [[nodiscard]] Buffer member(NodeId member) const;
  [[nodiscard]] Buffer contact(NodeId member) const;
  [[nodiscard]] RevisionKey revision(Revision at) const;
  /// The first key of a kind, and the first key behind all of this group's generation.
  [[nodiscard]] Buffer first(RecordKind kind) const { return make(kind, {}); }
  [[nodiscard]] Buffer behind(RecordKind kind) const;

 private:
  [[nodiscard]] Buffer make(RecordKind kind, ByteView rest) const;
  [[nodiscard]] Buffer of_member(RecordKind kind, NodeId member) const;
  std::array<char, kSpaceBytes> space_{};
};

/// A revision's record before its command is complete: key and value in one block.
class NewRecord {
 public:
  /// A tombstone's KeyValue holds nothing but the key.
  [[nodiscard]] static NewRecord make(const RevisionKey& key, const codec::KeyValue& kv, bool tombstone);

  void mark_last() { block_[kRevisionKeyBytes] = static_cast<char>(block_[kRevisionKeyBytes] | kLastFlag); }
  [[nodiscard]] ByteView key_value() const { return all_.substr(kRevisionKeyBytes + 1); }
  [[nodiscard]] std::size_t size_bytes() const { return all_.size(); }
  /// The user's key and value inside the record.
  [[nodiscard]] ByteView user_key() const { return all_.substr(key_offset_, key_size_); }
  [[nodiscard]] ByteView user_value() const { return all_.substr(value_offset_, value_size_); }
  /// The block as a Buffer; only mark_last() may still change it, before anyone reads the flags.
  [[nodiscard]] Buffer buffer() const { return Buffer::share(block_, all_); }

 private:
  std::shared_ptr<char[]> block_;
  ByteView all_;
  std::size_t key_offset_ = 0;
  std::size_t key_size_ = 0;
  std::size_t value_offset_ = 0;
  std::size_t value_size_ = 0;
};

/// A revision's value as it was read.
struct RecordView {
  bool tombstone = false;
  bool last = false;
  ByteView key_value;  ///< marshalled
  codec::KeyValue kv;  ///< the same, read
};
[[nodiscard]] Result<RecordView> read_record(ByteView value);
[[nodiscard]] Revision revision_of(ByteView record_key);

/// A revision's key as etcd keeps and hashes it: main, '_', sub, both big-endian, and 't' if it is a tombstone.
class EtcdRevisionKey {
 public:
  EtcdRevisionKey(Revision at, bool tombstone);
  [[nodiscard]] ByteView view() const { return {bytes_.data(), size_}; }

  struct Parts {
    Revision at;
    bool tombstone = false;
  };
  /// Nothing for what is no such key, or has a sub-revision that a record's key has no room for.
  [[nodiscard]] static std::optional<Parts> parse(ByteView key);

 private:
  std::array<char, 18> bytes_;
  std::size_t size_;
};

[[nodiscard]] Buffer encode_meta(const Meta& meta);
[[nodiscard]] Result<Meta> decode_meta(ByteView value);
[[nodiscard]] Buffer encode_lease(std::int64_t granted_ttl);
/// The granted time to live.
[[nodiscard]] Result<std::int64_t> decode_lease(ByteView value);

}  // namespace quorate::kv
