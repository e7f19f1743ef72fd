#pragma once
// I-20 A leader places a change of the membership only when the one before is committed, and so is an entry of its own
// term (M-01; Ongaro, "bug in single-server membership changes", 2015); and any two memberships that follow each other
// have no two majorities without a common node (thesis 4.1 and 4.3). Of protocols whose ids identify a prefix.

#include <algorithm>
#include <iterator>
#include <vector>

#include "sim/invariants/invariant.h"
#include "sim/invariants/phase_2_quorum.h"
#include "sim/ledger.h"
#include "sim/membership_ledger.h"

namespace quorate::sim {

class OneChangeAtATime : public Invariant {
 public:
  OneChangeAtATime(const Ledger& ledger, const MembershipLedger& memberships)
      : ledger_(ledger), memberships_(memberships) {}
  [[nodiscard]] std::string_view id() const override { return "I-20"; }

  [[nodiscard]] std::string on_effect(const ReplicaName& replica, const consensus::Effect& effect,
                                      const consensus::Core& core) override {
    const auto* persist = std::get_if<consensus::Persist>(&effect);
    const std::optional<MembershipLedger::Version> now =
        persist == nullptr ? std::nullopt : memberships_.new_latest(replica, *persist);
    const MembershipLedger::Version& before = memberships_.of(replica).back();
    if (!now || now->id.position <= before.id.position) {
      return {};
    }
    const consensus::CoreStatus status = core.status();
    if (status.role != consensus::Role::leader || now->id.tag != status.tag) {
      return {};
    }
    const std::string who = "node " + std::to_string(replica.node) + " leads group " +
                            std::to_string(replica.group.value()) + " and changes its members at " +
                            std::to_string(now->id.position.value());
    if (before.id.position > status.commit) {
      return who + ", while the change at " + std::to_string(before.id.position.value()) + " is not committed";
    }
    if (ledger_.tag_at(replica, status.commit) != status.tag) {
      return who + " before it has committed an entry of its own term";
    }
    return share_a_node(before.membership, now->membership)
               ? std::string()
               : who + " so that a majority of the new ones needs nobody of one of those before";
  }

 private:
  /// No quorum of `a` is without a node of every quorum of `b`: tried with all sets of nodes.
  static bool share_a_node(const consensus::Membership& a, const consensus::Membership& b) {
    std::vector<NodeId> nodes = a.all_nodes();
    std::ranges::copy_if(b.all_nodes(), std::back_inserter(nodes), [&a](NodeId node) { return !a.contains(node); });
    for (std::uint64_t set = 0; set < std::uint64_t{1} << nodes.size(); ++set) {
      const auto in_set = [&](NodeId node) {
        return (set >> (std::ranges::find(nodes, node) - nodes.begin()) & 1U) != 0;
      };
      const auto in_rest = [&](NodeId node) { return !in_set(node); };
      if (is_phase_2_quorum(a, {}, in_set) && is_phase_2_quorum(b, {}, in_rest)) {
        return false;
      }
    }
    return true;
  }

  const Ledger& ledger_;
  const MembershipLedger& memberships_;
};

}  // namespace quorate::sim
