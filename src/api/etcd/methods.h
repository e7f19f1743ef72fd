#pragma once
// The methods of etcd's API, one row each: path, kind, and what serves it.
//
// Invariant: a method that is not in the table does not exist for clients; one that is and cannot be served yet answers
// UNIMPLEMENTED with a text that says what is missing. Facts: section 1.1.

#include <array>
#include <cstdint>
#include <span>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "rpc/server.h"

namespace quorate::etcd {

enum class MethodId : std::uint32_t {
  range,
  put,
  delete_range,
  txn,
  compact,
  watch,
  lease_grant,
  lease_revoke,
  lease_keep_alive,
  lease_time_to_live,
  lease_leases,
  member_list,
  member_add,
  member_remove,
  member_update,
  member_promote,
  membership_describe,
  membership_add_learner,
  membership_set,
  alarm,
  status,
  defragment,
  hash,
  hash_kv,
  snapshot,
  move_leader,
  health_check,
  health_watch,
  unsupported,  ///< several rows; the row says why
};

/// How often a method was called and what came of it: for metrics. `handled` by gRPC code.
struct MethodStats {
  std::string_view service;  ///< "etcdserverpb.KV"
  std::string_view method;   ///< "Put"
  std::string_view type;     ///< "unary", "server_stream", "bidi_stream"
  std::uint64_t started = 0;
  std::uint64_t received = 0;
  std::uint64_t sent = 0;
  std::array<std::uint64_t, 17> handled{};
};

class Methods {
 public:
  Methods();
  Methods(const Methods&) = delete;
  Methods& operator=(const Methods&) = delete;

  [[nodiscard]] const rpc::Method* find(std::string_view path) const;
  [[nodiscard]] bool serves(std::string_view service) const;

  [[nodiscard]] static MethodId id_of(const rpc::Method& method);
  /// Only for `unsupported`: what to tell the client.
  [[nodiscard]] std::string_view missing_text(const rpc::Method& method) const;
  [[nodiscard]] MethodStats& stats_of(const rpc::Method& method) { return stats_[method.id]; }
  [[nodiscard]] std::span<const MethodStats> stats() const { return stats_; }

 private:
  std::vector<rpc::Method> methods_;  ///< Method::id is the row
  std::vector<MethodStats> stats_;    ///< by row
  std::unordered_map<std::string_view, const rpc::Method*> by_path_;
};

}  // namespace quorate::etcd
