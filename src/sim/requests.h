#pragma once
// The client's side of the wire in a simulation: requests as etcd's clients encode them, and what the answers say.
// Written apart from the server's own codec, so that one bug does not hide in both.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"

namespace quorate::sim {

[[nodiscard]] Buffer put_request(std::string_view key, std::string_view value, std::int64_t lease = 0);
[[nodiscard]] Buffer range_request(std::string_view key, std::string_view end, std::int64_t revision,
                                   bool serializable);
[[nodiscard]] Buffer delete_request(std::string_view key, std::string_view end, bool with_previous);
/// If mod_revision(key) == expected: put(key, value), and put(other, value) if `other` is not empty; else range(key).
[[nodiscard]] Buffer compare_and_put_request(std::string_view key, std::int64_t expected, std::string_view value,
                                             std::string_view other);
[[nodiscard]] Buffer compact_request(std::int64_t revision);
[[nodiscard]] Buffer lease_grant_request(std::int64_t id, std::int64_t ttl_seconds);
/// LeaseRevokeRequest, LeaseKeepAliveRequest: both hold the id alone.
[[nodiscard]] Buffer lease_id_request(std::int64_t id);

/// mvccpb.KeyValue.
struct KeyValue {
  std::string key;
  std::string value;
  std::int64_t create_revision = 0;
  std::int64_t mod_revision = 0;
  std::int64_t version = 0;
  std::int64_t lease = 0;
  friend bool operator==(const KeyValue&, const KeyValue&) = default;
};

/// The fields of any answer that a history needs; absent ones keep their defaults.
struct AnswerFields {
  bool well_formed = true;
  std::vector<KeyValue> kvs;  ///< RangeResponse
  std::int64_t count = 0;     ///< RangeResponse
  std::int64_t deleted = 0;   ///< DeleteRangeResponse
  bool succeeded = false;     ///< TxnResponse
  std::int64_t id = 0;        ///< lease answers
  std::int64_t ttl = 0;       ///< lease answers
};

[[nodiscard]] AnswerFields read_range_answer(std::string_view body);
[[nodiscard]] AnswerFields read_delete_answer(std::string_view body);
/// The range inside the answer of a failed compare_and_put_request is in `kvs`.
[[nodiscard]] AnswerFields read_txn_answer(std::string_view body);
[[nodiscard]] AnswerFields read_lease_answer(std::string_view body);

}  // namespace quorate::sim
