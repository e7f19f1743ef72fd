#pragma once
// Reads the requests of etcd's v3 API that reach the log, from the client's own bytes, without allocation.
//
// Invariants: 1. a message is accepted iff protobuf's parser accepts it (but for nesting beyond kMaxMessageDepth), and
// every field has the value that it would have there: the last one wins for scalars, unknown fields are skipped, an
// `oneof` keeps its last member, and repeated members of the same kind are merged. 2. views point into the source.
// 3. the work is linear in the source's size (times the depth of nested transactions).
// Facts: etcd's schema, sections 1.2-1.7 of its facts. Pure; any thread.

#include <cstddef>
#include <cstdint>

#include "base/bytes.h"
#include "codec/proto_fields.h"

namespace quorate::codec {

/// etcdserverpb.RangeRequest. Unknown enum values are kept as numbers.
struct RangeRequest {
  enum SortOrder : std::int32_t { none = 0, ascend = 1, descend = 2 };
  enum SortTarget : std::int32_t { by_key = 0, by_version = 1, by_create = 2, by_mod = 3, by_value = 4 };
  ByteView key;
  ByteView range_end;
  std::int64_t limit = 0;
  std::int64_t revision = 0;
  std::int32_t sort_order = none;
  std::int32_t sort_target = by_key;
  bool serializable = false;
  bool keys_only = false;
  bool count_only = false;
  std::int64_t min_mod_revision = 0;
  std::int64_t max_mod_revision = 0;
  std::int64_t min_create_revision = 0;
  std::int64_t max_create_revision = 0;
};

struct PutRequest {
  ByteView key;
  ByteView value;
  std::int64_t lease = 0;
  bool prev_kv = false;
  bool ignore_value = false;
  bool ignore_lease = false;
};

struct DeleteRangeRequest {
  ByteView key;
  ByteView range_end;
  bool prev_kv = false;
};

struct CompareRequest {
  enum Result : std::int32_t { equal = 0, greater = 1, less = 2, not_equal = 3 };
  enum Target : std::int32_t { version = 0, create = 1, mod = 2, value = 3, lease = 4 };
  std::int32_t result = equal;
  std::int32_t target = version;
  ByteView key;
  ByteView range_end;
  /// Which member of target_union is set: its Target, or -1. Compared with another target it counts as absent.
  std::int32_t operand_of = -1;
  std::int64_t operand = 0;
  ByteView operand_value;
};

struct CompactionRequest {
  std::int64_t revision = 0;
  bool physical = false;
};

struct LeaseGrantRequest {
  std::int64_t ttl = 0;
  std::int64_t id = 0;
};

struct LeaseRevokeRequest {
  std::int64_t id = 0;
};

struct AlarmRequest {
  enum Action : std::int32_t { get = 0, activate = 1, deactivate = 2 };
  enum Type : std::int32_t { none = 0, no_space = 1, corrupt = 2 };
  std::int32_t action = get;
  std::uint64_t member = 0;
  std::int32_t alarm = none;
};

struct RequestOp;

/// One repeated field of a transaction, to be walked from its beginning.
class TxnFields {
 public:
  TxnFields() = default;
  /// `member` 0: `source` is the transaction itself. Otherwise its fields of that number, merged, from `offset` on.
  TxnFields(ByteView source, std::uint32_t member, std::size_t offset, std::uint32_t wanted);
  [[nodiscard]] bool next(CompareRequest& out);
  [[nodiscard]] bool next(RequestOp& out);

 private:
  [[nodiscard]] bool next_bytes(ByteView& element);

  FieldReader outer_;
  FieldReader inner_;
  std::uint32_t member_ = 0;
  std::uint32_t wanted_ = 0;
};

/// A view of etcdserverpb.TxnRequest, known to be well-formed in all its depth.
class TxnRequest {
 public:
  TxnRequest() = default;

  [[nodiscard]] TxnFields compares() const { return {source_, member_, offset_, 1}; }
  [[nodiscard]] TxnFields success() const { return {source_, member_, offset_, 2}; }
  [[nodiscard]] TxnFields failure() const { return {source_, member_, offset_, 3}; }
  /// The operations of the branch that is taken.
  [[nodiscard]] TxnFields branch(bool succeeded) const { return succeeded ? success() : failure(); }

  [[nodiscard]] std::size_t compare_count() const { return count(1); }
  [[nodiscard]] std::size_t success_count() const { return count(2); }
  [[nodiscard]] std::size_t failure_count() const { return count(3); }

 private:
  friend bool read_request(ByteView bytes, TxnRequest& out);
  friend class TxnFields;
  TxnRequest(ByteView source, std::uint32_t member, std::size_t offset)
      : source_(source), member_(member), offset_(offset) {}
  [[nodiscard]] std::size_t count(std::uint32_t wanted) const;

  ByteView source_;
  std::uint32_t member_ = 0;
  std::size_t offset_ = 0;
};

/// One operation of a transaction; only the member named by `kind` means anything.
struct RequestOp {
  enum class Kind : std::uint8_t { none = 0, range = 1, put = 2, delete_range = 3, txn = 4 };
  Kind kind = Kind::none;
  RangeRequest range;
  PutRequest put;
  DeleteRangeRequest delete_range;
  TxnRequest txn;
};

// False if the bytes are not a well-formed message; `out` then means nothing.
[[nodiscard]] bool read_request(ByteView bytes, RangeRequest& out);
[[nodiscard]] bool read_request(ByteView bytes, PutRequest& out);
[[nodiscard]] bool read_request(ByteView bytes, DeleteRangeRequest& out);
[[nodiscard]] bool read_request(ByteView bytes, TxnRequest& out);
[[nodiscard]] bool read_request(ByteView bytes, CompactionRequest& out);
[[nodiscard]] bool read_request(ByteView bytes, LeaseGrantRequest& out);
[[nodiscard]] bool read_request(ByteView bytes, LeaseRevokeRequest& out);
[[nodiscard]] bool read_request(ByteView bytes, AlarmRequest& out);

// What nodes make themselves: requests with fields filled in by the leader, and in tests.
[[nodiscard]] Buffer encode_request(const RangeRequest& request);
[[nodiscard]] Buffer encode_request(const PutRequest& request);
[[nodiscard]] Buffer encode_request(const DeleteRangeRequest& request);
[[nodiscard]] Buffer encode_request(const CompactionRequest& request);
[[nodiscard]] Buffer encode_request(const LeaseGrantRequest& request);
[[nodiscard]] Buffer encode_request(const LeaseRevokeRequest& request);
[[nodiscard]] Buffer encode_request(const AlarmRequest& request);

}  // namespace quorate::codec
