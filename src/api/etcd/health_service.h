#pragma once
// grpc.health.v1 for the whole server: the service name "" is the only one that it knows.
//
// Owned by the Api, on the loop. Source: gRPC's health checking protocol.

#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "rpc/server.h"

namespace quorate::etcd {

class Api;

class HealthService {
 public:
  explicit HealthService(Api& api) : api_(api) {}

  void check(rpc::Call& call, ByteView request);
  /// Sends the present state, and later each change.
  void watch(rpc::Call& call, ByteView request);
  void forget(rpc::Call& call);
  void set_serving(bool serving);
  /// Ends the watches.
  void shut_down();

 private:
  void send(rpc::Call& call, int serving_status);

  Api& api_;
  bool serving_ = true;
  std::vector<rpc::Call*> watchers_;
};

}  // namespace quorate::etcd
