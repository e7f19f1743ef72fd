#pragma once
// I-41 Position and tag name one value: whoever writes them writes the same (Lamport 2001, 2.2: a proposal has one
// value; Ongaro and Ousterhout 2014, 5.3: a leader creates at most one entry with a given index in a given term). Of
// every protocol.

#include "sim/invariants/invariant.h"
#include "sim/ledger.h"

namespace quorate::sim {

class OneValuePerTag : public Invariant {
 public:
  explicit OneValuePerTag(const Ledger& ledger) : ledger_(ledger) {}
  [[nodiscard]] std::string_view id() const override { return "I-41"; }

  [[nodiscard]] std::string on_effect(const ReplicaName& replica, const consensus::Effect& effect,
                                      const consensus::Core& /*core*/) override {
    const auto* persist = std::get_if<consensus::Persist>(&effect);
    if (persist == nullptr) {
      return {};
    }
    for (const consensus::PersistOp& op : persist->ops) {
      const auto* put = std::get_if<consensus::Put>(&op);
      const std::uint64_t known = put == nullptr ? 0 : ledger_.value_of(replica.group, put->entry.id);
      if (known != 0 && known != Ledger::value_of(put->entry)) {
        return "node " + std::to_string(replica.node) + " of group " + std::to_string(replica.group.value()) +
               " writes " + std::to_string(put->entry.id.position.value()) + " of tag " +
               std::to_string(put->entry.id.tag.value()) + " with another value than was written before";
      }
    }
    return {};
  }

 private:
  const Ledger& ledger_;
};

}  // namespace quorate::sim
