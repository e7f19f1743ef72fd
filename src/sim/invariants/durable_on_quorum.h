#pragma once
// I-05 What a leader commits is durable on a quorum of the configuration in force, joint ones in both halves (Ongaro
// and Ousterhout 2014, 5.3; thesis 4.3). Of protocols that commit by a quorum's disks: of all that are consensus. Where
// ids do not identify a prefix a new leader learns from others what was decided: that was judged when it was decided. A
// copy counts that a damaged disk has taken: it was acknowledged before, and the budget of faults leaves others.

#include <algorithm>
#include <map>

#include "sim/invariants/invariant.h"
#include "sim/invariants/phase_2_quorum.h"
#include "sim/ledger.h"

namespace quorate::sim {

class DurableOnQuorum : public Invariant {
 public:
  DurableOnQuorum(const Ledger& ledger, bool ids_identify_prefix, quorum::PhaseSizes sizes = {})
      : ledger_(ledger), leaders_learn_(!ids_identify_prefix), sizes_(sizes) {}
  [[nodiscard]] std::string_view id() const override { return "I-05"; }

  [[nodiscard]] std::string on_effect(const ReplicaName& replica, const consensus::Effect& effect,
                                      const consensus::Core& core) override {
    const auto* commit = std::get_if<consensus::Commit>(&effect);
    if (commit == nullptr) {
      return {};
    }
    const consensus::CoreStatus status = core.status();
    const EntryId id{commit->up_to, ledger_.tag_at(replica, commit->up_to)};
    if (status.role != consensus::Role::leader || id.tag == Tag()) {
      return {};
    }
    const auto has = [&](NodeId node) {
      const ReplicaName other{static_cast<std::uint32_t>(node.value()), replica.group};
      return ledger_.has_durably(other, id) || ledger_.has_lost(other, id);
    };
    Position& judged = judged_[replica.group];
    if (is_phase_2_quorum(status.membership, sizes_, has)) {
      judged = std::max(judged, id.position);
      return {};
    }
    if (leaders_learn_ && id.position <= judged) {
      return {};
    }
    return "node " + std::to_string(replica.node) + " commits " + std::to_string(id.position.value()) + " of term " +
           std::to_string(id.tag.value()) + " in group " + std::to_string(replica.group.value()) +
           ", which is not durable on a quorum";
  }

 private:
  const Ledger& ledger_;
  const bool leaders_learn_;
  const quorum::PhaseSizes sizes_;
  std::map<GroupId, Position> judged_;  ///< up to here a leader's commit was durable on a quorum
};

}  // namespace quorate::sim
