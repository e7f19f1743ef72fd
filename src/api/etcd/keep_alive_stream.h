#pragma once
// One LeaseKeepAlive call: each request is forwarded to the leader and answered in the order of the requests.
//
// Invariants: 1. answers leave in request order, whatever order the service answers in. 2. at most
//                ApiConfig::max_waiting_keep_alives requests wait. 3. a failed renewal ends the stream, as etcd's does.
// Facts: etcd's leases, section 2.9. Owned by the Api, on the loop.

#include <cstdint>
#include <deque>
#include <optional>

#include "api/etcd/api.h"

namespace quorate::etcd {

class KeepAliveStream {
 public:
  KeepAliveStream(Api& api, rpc::Call& call, Group& group);
  ~KeepAliveStream();
  KeepAliveStream(const KeepAliveStream&) = delete;
  KeepAliveStream& operator=(const KeepAliveStream&) = delete;

  /// What to end the stream with, if it must end.
  [[nodiscard]] std::optional<RpcStatus> on_message(Buffer message);
  /// True: everything was answered, the stream may end now.
  [[nodiscard]] bool on_half_close();

  [[nodiscard]] rpc::Call& call() { return call_; }
  [[nodiscard]] Group& group() { return group_; }
  [[nodiscard]] bool needs_leader() const { return needs_leader_; }

 private:
  struct Waiting {
    service::Ticket ticket = 0;
    std::optional<service::Answer> answer;
  };

  void on_answer(std::uint64_t number, const service::Answer& answer);

  Api& api_;
  rpc::Call& call_;
  Group& group_;
  bool needs_leader_;
  std::deque<Waiting> waiting_;
  std::uint64_t first_number_ = 0;  ///< of waiting_.front()
  bool is_half_closed_ = false;
};

}  // namespace quorate::etcd
