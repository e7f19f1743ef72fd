#pragma once
// One run of the simulator: a cluster, clients and faults from one seed; a safety phase in which everything may break,
// then healing and a liveness phase with a bound; then every history is checked.
//
// Equal seeds and settings give equal runs, to the byte. A violation ends the run at once.

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>

#include "sim/backup_reader.h"
#include "sim/client.h"
#include "sim/cluster.h"
#include "sim/faults.h"
#include "sim/history.h"
#include "sim/teller.h"

namespace quorate::sim {

/// Where a restored cluster goes on: what a backup holds, and what is known of the time until then.
struct Beginning {
  Backup backup;
  History history;  ///< of its group
  Instant at;       ///< when the lost cluster ended
};

struct RunSettings {
  std::uint64_t seed = 1;
  /// Another course of the run: other delays and operations, under the settings and faults of the same seed.
  std::uint64_t variant = 0;
  NodeSettings nodes;
  WorkloadSettings workload;
  std::uint32_t watchers = 3;
  Duration safety_phase = std::chrono::milliseconds(2000);
  /// After healing: every node takes a write within this, and all replicas become equal.
  Duration liveness_bound = std::chrono::seconds(4);
  std::optional<FaultSchedule> faults;         ///< instead of what the seed draws
  std::shared_ptr<const Beginning> beginning;  ///< null: an empty cluster
  const Story* story = nullptr;                ///< tells what happens; not owned
  /// Hears of every fault that has struck: given to another run as `faults`, they strike again.
  std::function<void(const FaultEvent&)> on_fault;
};

/// Default settings of a run of `protocol`'s cores.
[[nodiscard]] RunSettings default_settings(std::uint64_t seed, consensus::CoreFactory factory);

/// From one role to another, and why.
struct RoleChange {
  consensus::Role from = consensus::Role::follower;
  consensus::Role to = consensus::Role::follower;
  std::string_view why;
  friend auto operator<=>(const RoleChange&, const RoleChange&) = default;
};

struct RunResult {
  std::string violation;  ///< empty: clean. Otherwise what was broken, with the invariant's or checker's id
  std::string checker;    ///< of the violation: an ID such as "I-03", or the name of what checks histories
  std::uint64_t trace_hash = 0;
  std::uint64_t events = 0;
  std::uint64_t acknowledged = 0;
  std::uint64_t unknown = 0;
  std::uint64_t watch_events = 0;
  std::uint64_t leader_changes = 0;
  std::uint64_t crashes = 0;
  std::uint64_t power_losses = 0;
  bool was_restored = false;  ///< the cluster was lost at the end, and another went on from its backup
  FaultCounts faults{};
  std::map<std::string_view, std::uint64_t> branches;  ///< trace events by name
  std::set<RoleChange> role_changes;                   ///< of any replica
};

[[nodiscard]] RunResult run(const RunSettings& settings);

}  // namespace quorate::sim
