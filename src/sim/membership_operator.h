#pragma once
// An operator who changes the members of groups at a bad time, and makes everybody a voter again in the end.
//
// A node that leaves a group keeps its replica and its links, since it is in others; it may come again. Owned by the
// faults of a run.

#include <cstdint>

#include "sim/cluster.h"

namespace quorate::sim {

class MembershipOperator {
 public:
  explicit MembershipOperator(Cluster& cluster) : cluster_(cluster) {}

  /// How many sets of roles there are: for change().
  [[nodiscard]] std::uint64_t choices() const;
  /// Asks the leader of `group`, if there is one, for the membership with the number `roles`. Which node was asked; 0:
  /// nobody leads.
  std::uint32_t change(GroupId group, std::uint64_t roles);
  /// From now on every group is led back to all nodes as voters.
  void restore_all();

 private:
  void ask(std::uint32_t node, GroupId group, consensus::Membership target);
  void restore(std::uint64_t);

  Cluster& cluster_;
  std::uint64_t asked_ = 0;
};

}  // namespace quorate::sim
