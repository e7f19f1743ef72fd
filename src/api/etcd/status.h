#pragma once
// Why a request failed, in etcd's words: clients match these texts exactly.
//
// Facts: etcd's errors, section 3. Pure.

#include <string_view>

#include "rpc/server.h"
#include "service/kv_service.h"

namespace quorate::etcd {

struct RpcStatus {
  rpc::Code code = rpc::Code::ok;
  std::string_view text;  ///< a literal
};

inline constexpr RpcStatus kNoLeader = {rpc::Code::unavailable, "etcdserver: no leader"};
inline constexpr RpcStatus kStopped = {rpc::Code::unavailable, "etcdserver: server stopped"};
inline constexpr RpcStatus kTooManyRequests = {rpc::Code::resource_exhausted, "etcdserver: too many requests"};
inline constexpr RpcStatus kDeadlinePassed = {rpc::Code::deadline_exceeded, "context deadline exceeded"};
inline constexpr RpcStatus kInvalidApiVersion = {rpc::Code::invalid_argument, "etcdserver: invalid client api version"};
inline constexpr RpcStatus kMalformed = {rpc::Code::internal, "grpc: error unmarshalling request: not a valid message"};

[[nodiscard]] RpcStatus status_of(kv::Failure failure);
[[nodiscard]] RpcStatus status_of(service::Outcome outcome, kv::Failure failure);

/// "OK", "NotFound", ...: the names that gRPC metrics use.
[[nodiscard]] std::string_view name_of(rpc::Code code);

}  // namespace quorate::etcd
