#pragma once
// I-11 Leader append-only: a leader never cuts off or replaces entries of its own log (Ongaro and Ousterhout 2014,
// figure 3). Of protocols whose ids identify a prefix: elsewhere a leader may learn that a position was decided
// otherwise.

#include <algorithm>

#include "sim/invariants/invariant.h"
#include "sim/ledger.h"

namespace quorate::sim {

class LeaderAppendOnly : public Invariant {
 public:
  explicit LeaderAppendOnly(const Ledger& ledger) : ledger_(ledger) {}
  [[nodiscard]] std::string_view id() const override { return "I-11"; }

  [[nodiscard]] std::string on_effect(const ReplicaName& replica, const consensus::Effect& effect,
                                      const consensus::Core& core) override {
    const auto* persist = std::get_if<consensus::Persist>(&effect);
    if (persist == nullptr ||
        !std::ranges::any_of(persist->ops, [&](const auto& op) { return takes_back(replica, op); })) {
      return {};
    }
    if (core.status().role != consensus::Role::leader) {
      return {};
    }
    return "node " + std::to_string(replica.node) + " leads group " + std::to_string(replica.group.value()) +
           " and takes back entries of its own log";
  }

 private:
  [[nodiscard]] bool takes_back(const ReplicaName& replica, const consensus::PersistOp& op) const {
    if (const auto* put = std::get_if<consensus::Put>(&op)) {
      return ledger_.tag_at(replica, put->entry.id.position) != Tag();
    }
    const auto* cut = std::get_if<consensus::TruncateFrom>(&op);
    return cut != nullptr && ledger_.tag_at(replica, cut->position) != Tag();
  }

  const Ledger& ledger_;
};

}  // namespace quorate::sim
