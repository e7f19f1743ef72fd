#pragma once
// I-17 A leader that hears no quorum steps down (thesis 6.2): its clients learn that it is cut off, and its refusals
// stand in nobody's way. Of every protocol whose leaders check that.
//
// The bound is two election time-outs, from when it began to lead these voters, and from its waking on if it was
// paused.

#include <algorithm>
#include <map>

#include "sim/cluster.h"
#include "sim/invariants/invariant.h"
#include "sim/invariants/phase_2_quorum.h"

namespace quorate::sim {

class LeaderHearsQuorum : public Invariant {
 public:
  LeaderHearsQuorum(const Cluster& cluster, const consensus::CoreConfig& config)
      : cluster_(cluster), bound_(2 * config.election_timeout), sizes_(config.quorum_sizes) {}
  [[nodiscard]] std::string_view id() const override { return "I-17"; }

  void on_receive(const ReplicaName& replica, NodeId from) override { heard_[replica][from] = cluster_.now(); }

  [[nodiscard]] std::string on_status(std::uint32_t node, GroupId group, const consensus::CoreStatus& status,
                                      Position /*executed*/) override {
    const ReplicaName replica{node, group};
    const Instant now = cluster_.now();
    if (status.role != consensus::Role::leader) {
      leads_.erase(replica);
      return {};
    }
    Lead& lead = leads_[replica];
    if (lead.membership != status.membership) {
      lead = {.membership = status.membership, .since = now};
    }
    if (now - bound_ < std::max(lead.since, cluster_.wakes_at(node))) {
      return {};
    }
    const auto hears = [&](NodeId other) { return other == NodeId(node) || now - heard_[replica][other] < bound_; };
    if (is_phase_2_quorum(status.membership, sizes_, hears)) {
      return {};
    }
    return "node " + std::to_string(node) + " leads group " + std::to_string(group.value()) +
           " and has heard no quorum for two election time-outs";
  }

  void on_life_ended(std::uint32_t node) override {
    std::erase_if(leads_, [node](const auto& one) { return one.first.node == node; });
    std::erase_if(heard_, [node](const auto& one) { return one.first.node == node; });
  }

 private:
  struct Lead {
    consensus::Membership membership;
    Instant since;  ///< as seen
  };

  const Cluster& cluster_;
  const Duration bound_;
  const quorum::PhaseSizes sizes_;
  std::map<ReplicaName, Lead> leads_;
  std::map<ReplicaName, std::map<NodeId, Instant>> heard_;
};

}  // namespace quorate::sim
