#pragma once
// A random schedule over few replicas of a protocol without a log: many proposers compete for few cells while messages
// are lost, repeated and late, timers run out at any moment, nodes and all of them crash and lose any suffix of
// unconfirmed writes, and disks lose what was durable. The cluster checks its rules at every step; afterwards a healed
// cluster must decide every cell, and everybody must know it.
//
// Invariant: one seed, one schedule. Owned by one test, on its thread.

#include <cstdint>
#include <string>

#include "stories/cluster.h"
#include "stories/random_schedule.h"

namespace quorate::stories {

class CellSchedule {
 public:
  /// `words`: what happens is written down.
  CellSchedule(const consensus::Protocol& protocol, std::uint64_t seed, bool words,
               Quorums quorums = Quorums::majorities);

  void run(int steps);
  /// Everything is repaired. Empty if all is well in the end, else what is not.
  [[nodiscard]] std::string heal();

  [[nodiscard]] Cluster& cluster() { return cluster_; }

 private:
  NodeId any_node() { return NodeId(1 + dice_.roll(count_)); }
  std::string any_cell() { return "k" + std::to_string(first_cell_ + dice_.roll(cells_)); }
  void act(std::uint64_t die);
  void ask();
  void change_network(std::uint64_t die);
  void end_or_begin_life(NodeId node);
  void crash(NodeId node);
  void damage(NodeId node);
  void restart(NodeId node);
  [[nodiscard]] bool is_unsure(NodeId node) const;
  [[nodiscard]] bool is_healthy() const;

  Dice dice_;
  Cluster cluster_;
  std::uint64_t count_;
  std::uint64_t cells_;
  quorum::PhaseSizes quorum_sizes_;
  std::uint64_t first_cell_ = 1;  ///< those before it are left alone
  std::uint64_t proposals_ = 0;
  std::set<NodeId> uncertain_;  ///< whose log's end was in doubt when they were last started
};

}  // namespace quorate::stories
