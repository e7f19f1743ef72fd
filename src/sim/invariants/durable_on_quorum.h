#pragma once
// I-05 What a leader commits is durable on a quorum of the configuration in force, joint ones in both halves (Ongaro
// and Ousterhout 2014, 5.3; thesis 4.3). Of protocols that commit by a quorum's disks: of all that are consensus.

#include "quorum/quorum.h"
#include "sim/invariants/invariant.h"
#include "sim/ledger.h"

namespace quorate::sim {

class DurableOnQuorum : public Invariant {
 public:
  explicit DurableOnQuorum(const Ledger& ledger) : ledger_(ledger) {}
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
      return ledger_.has_durably(other, id) ? quorum::Answer::granted : quorum::Answer::none;
    };
    const quorum::Voters voters{status.membership.voters, status.membership.outgoing_voters};
    if (quorum::outcome_of(voters, has) == quorum::Outcome::won) {
      return {};
    }
    return "node " + std::to_string(replica.node) + " commits " + std::to_string(id.position.value()) + " of term " +
           std::to_string(id.tag.value()) + " in group " + std::to_string(replica.group.value()) +
           ", which is not durable on a quorum";
  }

 private:
  const Ledger& ledger_;
};

}  // namespace quorate::sim
