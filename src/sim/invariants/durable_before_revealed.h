#pragma once
// I-02 What a message reveals is durable at its sender when it leaves: no Send may go before the replica's small state
// (term and vote, promised ballot) that it was made in is durable (R-02, R-03; Ongaro and Ousterhout 2014, figure 2
// "before responding"; Lamport 2001, 2.5). Of every protocol.

#include "sim/invariants/invariant.h"
#include "sim/ledger.h"

namespace quorate::sim {

class DurableBeforeRevealed : public Invariant {
 public:
  explicit DurableBeforeRevealed(const Ledger& ledger) : ledger_(ledger) {}
  [[nodiscard]] std::string_view id() const override { return "I-02"; }

  [[nodiscard]] std::string on_effect(const ReplicaName& replica, const consensus::Effect& effect,
                                      const consensus::Core& /*core*/) override {
    const auto* send = std::get_if<consensus::Send>(&effect);
    if (send == nullptr) {
      return {};
    }
    const Io state = ledger_.unsynced_state(replica);
    if (state <= send->after) {
      return {};
    }
    return "node " + std::to_string(replica.node) + " of group " + std::to_string(replica.group.value()) +
           " sends to node " + std::to_string(send->to.value()) + " before the state of write " +
           std::to_string(state.value()) + " is durable";
  }

 private:
  const Ledger& ledger_;
};

}  // namespace quorate::sim
