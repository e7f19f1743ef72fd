#pragma once
// A node of whatever kind of cluster, as the command that serves sees it.

#include <memory>

#include "base/result.h"
#include "server/event_log.h"
#include "server/options.h"

namespace quorate::server {

class RunningNode {
 public:
  virtual ~RunningNode() = default;
  /// Serves until stop(); returns why it ended if it could not go on.
  [[nodiscard]] virtual Status run() = 0;
  /// Any thread, and from a signal handler: begins an orderly stop.
  virtual void stop() noexcept = 0;
};

/// The kind that the cluster's protocol asks for. `options` is complete. An error says what failed, why, and what to
/// do.
[[nodiscard]] Result<std::unique_ptr<RunningNode>> open_node(ServeOptions options, EventLog& log);

}  // namespace quorate::server
