#pragma once
// A local cluster for trying things out: three `quorate serve` processes, their ports and their data directories.
//
// Everything stands in one directory: `cluster` (names and ports, one node a line), `n1/` ... (data), `n1.log`,
// `n1.pid`. Nothing keeps running but the nodes themselves, so every `quorate dev` command works from any terminal.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <sys/types.h>

#include "base/result.h"

namespace quorate::dev {

struct NodePlan {
  std::string name;
  std::uint16_t client_port = 0;
  std::uint16_t peer_port = 0;

  [[nodiscard]] std::string client_url() const;
  [[nodiscard]] std::string peer_url() const;
};

struct NodeState {
  pid_t pid = 0;         ///< 0: not running
  bool answers = false;  ///< its HTTP port answers
  bool ready = false;    ///< a linearizable read works through it
  bool is_leader = false;
};

class Cluster {
 public:
  /// Reads the plan in `directory`, or makes one: the usual ports, or others if those are taken (`notes` says so).
  /// `flags` of `quorate serve` go to the nodes that are started, which know whether they can run so.
  [[nodiscard]] static Result<Cluster> open(const std::string& directory, std::vector<std::string> flags,
                                            std::vector<std::string>& notes);
  /// The cluster whose plan stands in `directory`, if there is one. Makes nothing.
  [[nodiscard]] static std::optional<Cluster> find_in(const std::string& directory);

  [[nodiscard]] const std::vector<NodePlan>& nodes() const { return nodes_; }
  [[nodiscard]] std::string directory() const { return directory_; }
  [[nodiscard]] const std::vector<std::string>& flags() const { return flags_; }
  [[nodiscard]] std::string data_directory(const NodePlan& node) const;
  [[nodiscard]] std::string log_file(const NodePlan& node) const;
  [[nodiscard]] Result<NodePlan> find(const std::string& name) const;

  /// Starts the process unless it runs. With `dies_with_parent` it is killed when this process ends.
  [[nodiscard]] Result<pid_t> start(const NodePlan& node, bool dies_with_parent);
  /// SIGTERM, then SIGKILL after ten seconds. False if it was not running.
  [[nodiscard]] bool stop(const NodePlan& node);
  [[nodiscard]] NodeState state(const NodePlan& node) const;
  /// A linearizable read works through it, answered within `patience_ms`. The shorter it is, the sooner one asks again.
  [[nodiscard]] bool is_ready(const NodePlan& node, int patience_ms) const;
  /// The pid if the process runs and is a node of this directory.
  [[nodiscard]] pid_t running_pid(const NodePlan& node) const;
  /// The last line that the node logged at level error, empty if none.
  [[nodiscard]] std::string last_error(const NodePlan& node) const;

 private:
  std::string directory_;
  std::vector<std::string> flags_;
  std::vector<NodePlan> nodes_;
};

/// The directory of the cluster unless --data-dir names another.
inline constexpr const char* kDefaultDirectory = ".quorate-dev";

}  // namespace quorate::dev
