#pragma once
// I-43 A proposer proposes only what is safe: nothing new at a position that was decided in its own or a lower tag
// (Lamport 2001, 2.2, P2b). Of every protocol. Decided here is what a leader has committed.

#include <algorithm>
#include <map>

#include "sim/invariants/invariant.h"
#include "sim/ledger.h"

namespace quorate::sim {

class SafeProposals : public Invariant {
 public:
  explicit SafeProposals(const Ledger& ledger) : ledger_(ledger) {}
  [[nodiscard]] std::string_view id() const override { return "I-43"; }

  [[nodiscard]] std::string on_effect(const ReplicaName& replica, const consensus::Effect& effect,
                                      const consensus::Core& core) override {
    const auto* persist = std::get_if<consensus::Persist>(&effect);
    const auto* commit = std::get_if<consensus::Commit>(&effect);
    if (persist == nullptr && commit == nullptr) {
      return {};
    }
    const consensus::CoreStatus status = core.status();
    if (status.role != consensus::Role::leader) {
      return {};
    }
    std::map<Tag, Position>& decided = decided_[replica.group];
    if (commit != nullptr) {
      Position& own = decided[status.tag];
      own = std::max(own, commit->up_to);
      return {};
    }
    for (const consensus::PersistOp& op : persist->ops) {
      const auto* put = std::get_if<consensus::Put>(&op);
      if (put == nullptr || put->entry.id.tag != status.tag || ledger_.value_of(replica.group, put->entry.id) != 0) {
        continue;  // not new: proposed before, by this leader or by another
      }
      for (auto [tag, up_to] : decided) {
        if (tag <= status.tag && put->entry.id.position <= up_to) {
          return "node " + std::to_string(replica.node) + " leads group " + std::to_string(replica.group.value()) +
                 " in tag " + std::to_string(status.tag.value()) + " and proposes a value at " +
                 std::to_string(put->entry.id.position.value()) + ", which was decided by the leader of tag " +
                 std::to_string(tag.value());
        }
      }
    }
    return {};
  }

 private:
  const Ledger& ledger_;
  std::map<GroupId, std::map<Tag, Position>> decided_;  ///< by the tag of the leader that committed it
};

}  // namespace quorate::sim
