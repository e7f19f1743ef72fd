#pragma once
// One running node of a cluster whose protocol keeps no log: a register of keys that are written once, with its own
// gRPC service and no etcd API. What it shares with other nodes: identity, data directory, log, links, listeners.
//
// Order of a start: identity and lock, files, log, group, client listeners, links; "ready" when a majority has answered
// once. Everything lives on the thread that calls run().

#include <memory>
#include <string>

#include "base/trace.h"
#include "consensus/contract/protocol.h"
#include "group/host.h"
#include "server/identity.h"
#include "server/running_node.h"
#include "service/register_service.h"

namespace quorate::server {

class RegisterNode final : public RunningNode, public group::HostEvents, public TraceSink {
 public:
  [[nodiscard]] static Result<std::unique_ptr<RunningNode>> open(ServeOptions options,
                                                                 const consensus::Protocol& protocol, EventLog& log);
  ~RegisterNode() override;
  RegisterNode(const RegisterNode&) = delete;
  RegisterNode& operator=(const RegisterNode&) = delete;

  [[nodiscard]] Status run() override;
  void stop() noexcept override;

  void on_stopped(const Error& why) override;
  void on_peer_rejected(NodeId node, std::string_view why) override;
  void on_removed(std::string_view why) override { on_stopped({ErrorCode::foreign, std::string(why)}); }
  void trace(const TraceEvent& event) override;

 private:
  struct Parts;

  RegisterNode(ServeOptions options, const consensus::Protocol& protocol, ClusterIdentity identity, EventLog& log);
  [[nodiscard]] Status open_group();
  [[nodiscard]] Status open_front_end();
  void ask_majority(std::uint64_t);
  void on_majority(std::uint64_t, const service::RegisterAnswer& answer);
  void watch_for_stop(std::uint64_t);
  void leave_loop(std::uint64_t);
  [[nodiscard]] std::string metrics_text() const;

  ServeOptions options_;
  const consensus::Protocol& protocol_;
  ClusterIdentity identity_;
  EventLog& log_;
  std::unique_ptr<Parts> parts_;
  Status ended_;
};

}  // namespace quorate::server
