#include "sim/membership_operator.h"

#include <utility>

namespace quorate::sim {
namespace {

constexpr std::uint64_t kRoles = 4;  // 0 and 1: votes, 2: learns, 3: is out
/// Nobody leaves it: who is a member of no group is removed from the cluster, and cannot come back.
constexpr GroupId kGroupOfAll(1);
constexpr std::uint64_t kContexts = std::uint64_t{1} << 62;  // names that no service gives
constexpr Duration kRestoreInterval = std::chrono::milliseconds(20);

consensus::Membership everybody(const Cluster& cluster) {
  consensus::Membership all;
  for (std::uint32_t node = 1; node <= cluster.node_count(); ++node) {
    all.voters.emplace_back(node);
  }
  return all;
}

}  // namespace

std::uint64_t MembershipOperator::choices() const {
  std::uint64_t count = 1;
  for (std::uint32_t node = 1; node <= cluster_.node_count(); ++node) {
    count *= kRoles;
  }
  return count;
}

std::uint32_t MembershipOperator::change(GroupId group, std::uint64_t roles) {
  const std::uint32_t leader = cluster_.leader_of(group);
  if (leader == 0) {
    return 0;
  }
  consensus::Membership target;
  for (std::uint32_t node = 1; node <= cluster_.node_count(); ++node) {
    const std::uint64_t role = std::exchange(roles, roles / kRoles) % kRoles;
    if (role < 2) {
      target.voters.emplace_back(node);
    } else if (role == 2 || group == kGroupOfAll) {
      target.learners.emplace_back(node);
    }
  }
  ask(leader, group, target.voters.empty() ? everybody(cluster_) : std::move(target));
  return leader;
}

void MembershipOperator::restore_all() { restore(0); }

/// It never ends: a node that was paused may still propose the change that it was asked for long ago.
void MembershipOperator::restore(std::uint64_t) {
  for (std::uint64_t group = 1; group <= cluster_.group_count(); ++group) {
    const std::uint32_t leader = cluster_.leader_of(GroupId(group));
    if (leader != 0 &&
        cluster_.node(leader).host().replica(GroupId(group)).status().membership != everybody(cluster_)) {
      ask(leader, GroupId(group), everybody(cluster_));
    }
  }
  cluster_.queue().schedule(cluster_.now() + kRestoreInterval, Owner{},
                            Callback<>::to<&MembershipOperator::restore>(this));
}

/// What the core refuses for now is not asked again, except by restore().
void MembershipOperator::ask(std::uint32_t node, GroupId group, consensus::Membership target) {
  cluster_.node(node).host().replica(group).reconfigure(Context(kContexts + ++asked_), std::move(target), {});
}

}  // namespace quorate::sim
