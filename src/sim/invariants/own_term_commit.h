#pragma once
// I-14 A leader commits by counting only entries of its own term (Ongaro and Ousterhout 2014, 5.4.2, figure 8; R-01).
// Of protocols whose ids identify a prefix: elsewhere an entry is decided by itself, in whatever reign.

#include "sim/invariants/invariant.h"
#include "sim/ledger.h"

namespace quorate::sim {

class OwnTermCommit : public Invariant {
 public:
  explicit OwnTermCommit(const Ledger& ledger) : ledger_(ledger) {}
  [[nodiscard]] std::string_view id() const override { return "I-14"; }

  [[nodiscard]] std::string on_effect(const ReplicaName& replica, const consensus::Effect& effect,
                                      const consensus::Core& core) override {
    const auto* commit = std::get_if<consensus::Commit>(&effect);
    if (commit == nullptr) {
      return {};
    }
    const consensus::CoreStatus status = core.status();
    const Tag tag = ledger_.tag_at(replica, commit->up_to);
    if (status.role != consensus::Role::leader || tag == Tag() || tag == status.tag) {
      return {};
    }
    return "node " + std::to_string(replica.node) + " leads group " + std::to_string(replica.group.value()) +
           " in term " + std::to_string(status.tag.value()) + " and commits " + std::to_string(commit->up_to.value()) +
           ", whose last entry is of term " + std::to_string(tag.value());
  }

 private:
  const Ledger& ledger_;
};

}  // namespace quorate::sim
