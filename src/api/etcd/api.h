#pragma once
// etcd's v3 API over one or several key-value groups: translation only, all decisions are the service's.
//
// Invariants: 1. every call is answered exactly once, or its client is gone. 2. a response is the header of the
//                answer's revision and term, then the answer's bytes as they are: nothing is encoded twice. 3. the
//                metadata key `quorate-group` picks a group; without it the first one serves.
// Owned by `server`, on the node's loop; outlives its connections. Facts: etcd's v3 API, sections 1 to 4.

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "api/etcd/headers.h"
#include "api/etcd/methods.h"
#include "api/etcd/status.h"
#include "base/ids.h"
#include "env/clock.h"
#include "env/loop.h"
#include "rpc/server.h"
#include "service/kv_service.h"

namespace quorate::etcd {

/// What a member publishes of itself at its start (KvService::publish_member): an etcdserverpb.Member.
[[nodiscard]] Buffer encode_published_member(std::string_view name, std::span<const std::string> client_urls);

struct ApiConfig {
  ClusterId cluster;
  NodeId self;
  std::size_t max_request_bytes = 1'572'864;
  std::int64_t quota_bytes = 2LL << 30;  ///< as shown by Status
  Duration election_timeout = std::chrono::milliseconds(1000);
  std::uint32_t max_learners = 1;  ///< that MemberAdd takes
  std::size_t max_watchers_per_stream = 65'536;
  std::size_t max_waiting_keep_alives = 4096;  ///< per stream
};

class HealthService;
class KeepAliveStream;
class SnapshotService;
class WatchStream;

/// One of the methods that change who takes part.
[[nodiscard]] bool is_member_change(MethodId method);
/// MemberListRequest.linearizable; false for what is no message.
[[nodiscard]] bool is_linearizable_member_list(ByteView request);
/// MoveLeaderRequest.targetID; none for what is no message.
[[nodiscard]] NodeId transferee_of(ByteView request);
/// A HashResponse, without its header, from a HashKVResponse.
[[nodiscard]] Buffer hash_of(const Buffer& hash_kv_body);

/// One group behind the API.
struct Group {
  GroupId id;
  service::KvService* service = nullptr;
  Headers headers;
  std::int64_t events_revision = -1;  ///< of events_header
  Buffer events_header;
  bool had_leader = true;
  Instant leader_lost;  ///< since when there is none

  /// The header of watch responses at `revision`: the term is asked for once per revision.
  [[nodiscard]] const Buffer& watch_header(std::int64_t revision);
};

class Api : public rpc::Handler {
 public:
  Api(ApiConfig config, const env::Clock& clock, env::Loop& loop);
  ~Api() override;
  Api(const Api&) = delete;
  Api& operator=(const Api&) = delete;

  /// Before the first call; the first group is the default. The service outlives the Api.
  void add_group(GroupId id, service::KvService& service);

  /// What gRPC health answers; true from the start.
  void set_serving(bool serving);
  /// Ends all streams with UNAVAILABLE; unary calls are answered by their services' shut_down().
  void shut_down();

  [[nodiscard]] std::span<const MethodStats> method_stats() const { return methods_.stats(); }
  [[nodiscard]] std::size_t watch_stream_count() const { return watch_streams_.size(); }

  // rpc::Handler
  [[nodiscard]] const rpc::Method* find(std::string_view path) const override { return methods_.find(path); }
  [[nodiscard]] bool serves(std::string_view service) const override { return methods_.serves(service); }
  void on_call(rpc::Call& call) override;
  void on_message(rpc::Call& call, Buffer message) override;
  void on_half_close(rpc::Call& call) override;
  void on_call_gone(rpc::Call& call) override;
  void on_writable(rpc::Call& call) override;

 private:
  friend class HealthService;
  friend class KeepAliveStream;
  friend class SnapshotService;
  friend class WatchStream;

  /// A unary call that waits for its service.
  struct Request {
    rpc::Call* call = nullptr;
    Group* group = nullptr;
    service::Ticket ticket = 0;
    MethodId method = MethodId::range;
    std::uint64_t slot = 0;
  };

  [[nodiscard]] Group* group_of(const rpc::Call& call, RpcStatus& refusal);
  void on_unary(rpc::Call& call, MethodId method, Buffer message);
  [[nodiscard]] service::Ticket ask(Group& group, MethodId method, Buffer message, Instant deadline,
                                    service::AnswerTo to);
  [[nodiscard]] Request& begin_request(rpc::Call& call, Group& group, MethodId method);
  [[nodiscard]] Request& take_request();
  void release(Request& request);
  void on_answer(std::uint64_t slot, const service::Answer& answer);
  void answer(rpc::Call& call, std::span<const Buffer> parts);
  void finish(rpc::Call& call, RpcStatus status);
  void finish_stream(WatchStream& stream, RpcStatus status);
  void finish_stream(KeepAliveStream& stream, RpcStatus status);
  [[nodiscard]] RpcStatus status_for(const rpc::Call& call, const service::Answer& answer) const;

  void answer_status(rpc::Call& call, Group& group);
  void answer_members(rpc::Call& call, Group& group, Tag term);
  void answer_membership(rpc::Call& call, Group& group);
  /// Asks for a change of the members, or refuses the call.
  void on_member_change(rpc::Call& call, Group& group, MethodId method, Buffer message);
  void answer_member_change(rpc::Call& call, Group& group, MethodId method, const service::Answer& answer);

  void watch_leaders();
  void check_leaders(std::uint64_t);
  void end_streams_of(Group& group);
  [[nodiscard]] static bool requires_leader(const rpc::Call& call) { return call.metadata("hasleader") == "true"; }

  ApiConfig config_;
  const env::Clock& clock_;
  env::Loop& loop_;
  Methods methods_;
  std::vector<std::unique_ptr<Group>> groups_;
  std::vector<std::unique_ptr<Request>> requests_;  ///< by slot
  std::vector<std::uint64_t> free_slots_;
  std::vector<std::unique_ptr<WatchStream>> watch_streams_;
  std::vector<std::unique_ptr<KeepAliveStream>> keep_alive_streams_;
  std::unique_ptr<HealthService> health_;
  std::unique_ptr<SnapshotService> snapshots_;
  env::TimerId leader_timer_ = 0;  ///< armed while a stream requires a leader
  bool is_shut_down_ = false;
};

}  // namespace quorate::etcd
