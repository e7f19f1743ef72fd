#pragma once
// One running node: the place where everything is wired. Loop, disk, engine, host, one service per group, the gRPC and
// HTTP front ends, listeners.
//
// Order of a start (DESIGN section 5): identity and lock, files, engine, log, groups, then client listeners, then
// links; "ready" only after a first write of this member has committed.
// Everything lives on the thread that calls run().

#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/trace.h"
#include "consensus/contract/protocol.h"
#include "group/host.h"
#include "server/event_log.h"
#include "server/identity.h"
#include "server/options.h"
#include "server/running_node.h"

namespace quorate::server {

class Node final : public RunningNode, public group::HostEvents, public TraceSink {
 public:
  /// `options` is complete. An error says what failed, why, and what to do.
  [[nodiscard]] static Result<std::unique_ptr<RunningNode>> open(ServeOptions options,
                                                                 const consensus::Protocol& protocol, EventLog& log);
  ~Node() override;
  Node(const Node&) = delete;
  Node& operator=(const Node&) = delete;

  /// Serves until stop(); returns why it ended if it could not go on.
  [[nodiscard]] Status run() override;
  /// Any thread, and from a signal handler: begins an orderly stop.
  void stop() noexcept override;

  void on_stopped(const Error& why) override;
  void on_peer_rejected(NodeId node, std::string_view why) override;
  void on_removed(std::string_view why) override;
  void trace(const TraceEvent& event) override;

 private:
  struct Parts;
  struct GroupParts;

  Node(ServeOptions options, const consensus::Protocol& protocol, ClusterIdentity identity, EventLog& log);
  [[nodiscard]] Status open_state();
  [[nodiscard]] bool are_records_damaged(const Error& why) const;
  /// The engine's directory gets another name; the next one to be opened is empty.
  [[nodiscard]] Status lay_records_aside(const Error& why);
  /// Destroys what runs, in the order that it allows.
  void close();
  [[nodiscard]] Status open_records_and_groups();
  [[nodiscard]] Status open_records();
  [[nodiscard]] Status open_groups();
  [[nodiscard]] Status open_front_ends();
  [[nodiscard]] group::HostConfig host_config() const;
  void watch_for_stop(std::uint64_t);
  void hand_over_leadership();
  void end_when_handed_over(std::uint64_t);
  void leave_loop(std::uint64_t);
  [[nodiscard]] bool leads_any_group() const;
  [[nodiscard]] bool is_alone() const;
  /// Tells the host what the state machine knows of the members. An error: it says that this one was removed.
  [[nodiscard]] Status learn_members();
  void on_ready();
  [[nodiscard]] std::string metrics_text() const;

  ServeOptions options_;
  const consensus::Protocol& protocol_;
  ClusterIdentity identity_;
  EventLog& log_;
  Status ended_;
  bool removed_ = false;
  bool read_damaged_records_ = false;  ///< which ended this node
  bool records_laid_aside_ = false;    ///< by this start or an earlier one
  std::unique_ptr<Parts> parts_;
};

}  // namespace quorate::server
