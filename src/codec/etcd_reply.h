#pragma once
// Writes the responses of etcd's key-value API by hand: sizes first, then the bytes, into one block.
//
// Invariants: 1. the bytes are those of protobuf (proto3: zero fields left out, fields in rising order). 2. a response
// is written without its header field (1), which the front end puts before it; only the sub-responses of a
// transaction carry their header here: the revision alone, and nothing at all for a nested transaction.
// Key-value pairs come as encoded mvccpb.KeyValue messages: what the store keeps is copied, never encoded again.
// Facts: sections 1.2-1.5 and 2.0 of etcd's facts. Pure; any thread.

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "base/bytes.h"

namespace quorate::codec {

/// mvccpb.KeyValue, borrowed.
struct KeyValue {
  ByteView key;
  std::int64_t create_revision = 0;
  std::int64_t mod_revision = 0;
  std::int64_t version = 0;
  ByteView value;
  std::int64_t lease = 0;
};

[[nodiscard]] std::size_t key_value_size(const KeyValue& kv);
/// Writes exactly key_value_size() bytes; returns the first byte behind them.
char* write_key_value(char* to, const KeyValue& kv);
[[nodiscard]] bool read_key_value(ByteView bytes, KeyValue& out);

/// RangeResponse without its header.
struct RangeFields {
  std::span<const ByteView> kvs;  ///< encoded KeyValues
  bool more = false;
  std::int64_t count = 0;
};
/// DeleteRangeResponse without its header.
struct DeleteRangeFields {
  std::int64_t deleted = 0;
  std::span<const ByteView> prev_kvs;
};

[[nodiscard]] Buffer encode_reply(const RangeFields& fields);
[[nodiscard]] Buffer encode_reply(const DeleteRangeFields& fields);
/// PutResponse; `prev_kv` empty: none.
[[nodiscard]] Buffer encode_put_reply(ByteView prev_kv);
[[nodiscard]] Buffer encode_lease_grant_reply(std::int64_t id, std::int64_t ttl);
[[nodiscard]] Buffer encode_hash_kv_reply(std::uint32_t hash, std::int64_t compact_revision,
                                          std::int64_t hash_revision);
struct AlarmMember {
  std::uint64_t member = 0;
  std::int32_t alarm = 0;
};
[[nodiscard]] Buffer encode_alarm_reply(std::span<const AlarmMember> alarms);

/// A TxnResponse that grows operation by operation; nested transactions are writers of their own.
class TxnReplyWriter {
 public:
  void add(const RangeFields& fields, std::int64_t revision);
  void add(const DeleteRangeFields& fields, std::int64_t revision);
  void add_put(ByteView prev_kv, std::int64_t revision);
  void add_txn(const TxnReplyWriter& nested, bool succeeded);
  /// An operation without a request: a ResponseOp without a response.
  void add_none();

  [[nodiscard]] Buffer finish(bool succeeded) const;
  /// Forgets everything but the memory.
  void clear() { responses_.clear(); }

 private:
  template <class Write>
  void add_response(std::uint32_t member, std::int64_t revision, std::size_t size, Write write);

  std::string responses_;  ///< encoded field 3, as often as there are operations
};

}  // namespace quorate::codec
