#pragma once
// What goes wrong in a run: a mix drawn from the seed, so that some runs have one kind of trouble and some have all.
//
// Faults have a budget: at most a minority of nodes is down at a time, except for the power loss of all, from which the
// cluster must come back by itself. Every fault counts itself; a kind that never happened in a search is not clean.
// Owned by the run.

#include <array>
#include <cstdint>
#include <string_view>
#include <vector>

#include "sim/cluster.h"
#include "sim/random.h"

namespace quorate::sim {

enum class Fault : std::uint8_t {
  crash,                // F-P1
  crash_all,            // F-P2
  pause,                // F-P3
  power_loss,           // F-D1, F-D2, F-D3
  power_loss_all,       // F-P2
  slow_disk,            // F-D10
  partition,            // F-N3
  isolate_leader,       // F-N3
  one_way_partition,    // F-N4
  partial_partition,    // F-N5
  reset_links,          // F-N8
  lossy_network,        // F-N1
  reordering_network,   // F-N2
  duplicating_network,  // F-N2
  replaying_network,    // F-N2
  corrupting_network,   // F-N9
  clock_jump,           // F-T1
  transfer_leadership,  // an operator's, R-28
  clock_drift,          // F-T2
  slow_engine,          // F-D10: records must be waited for
};
inline constexpr std::size_t kFaultCount = 20;

[[nodiscard]] std::string_view fault_name(Fault fault);

using FaultCounts = std::array<std::uint64_t, kFaultCount>;

class Faults {
 public:
  /// Told when a node's life ends, so that clients know.
  class Listener {
   public:
    virtual ~Listener() = default;
    virtual void on_life_ended(std::uint32_t node) = 0;
    /// A node that refuses to start, where it should: a violation.
    virtual void on_start_failed(std::uint32_t node, const Error& why) = 0;
    virtual void on_fault(Fault fault, std::uint32_t node) = 0;
    [[nodiscard]] virtual std::uint32_t current_leader() const = 0;  ///< some group's, 0 if none
  };

  Faults(Cluster& cluster, Random random, Listener& listener);

  /// Injects faults until `until`.
  void start(Instant until);
  /// Ends every fault and starts every node: the liveness phase begins.
  void heal();

  [[nodiscard]] const FaultCounts& counts() const { return counts_; }

 private:
  void next(std::uint64_t);
  void inject(Fault fault);
  void take_down(std::uint32_t node, bool power);
  void bring_up(std::uint64_t node);
  void heal_network(std::uint64_t);
  void cut(Fault fault);
  void transfer_leadership();
  void count(Fault fault, std::uint32_t node = 0);
  [[nodiscard]] std::uint32_t random_node();

  Cluster& cluster_;
  Random random_;
  Listener& listener_;
  std::vector<Fault> enabled_;
  Instant until_{};
  Duration interval_{};
  bool healed_ = false;
  FaultCounts counts_{};
};

}  // namespace quorate::sim
