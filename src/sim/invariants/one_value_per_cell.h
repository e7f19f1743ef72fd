#pragma once
// I-40 One value is decided in a cell (Lamport 2001, 2.1: "only a single value is chosen"). Of protocols without a log.

#include <map>
#include <string>
#include <utility>

#include "sim/invariants/invariant.h"

namespace quorate::sim {

class OneValuePerCell : public Invariant {
 public:
  [[nodiscard]] std::string_view id() const override { return "I-40"; }

  [[nodiscard]] std::string on_effect(const ReplicaName& replica, const consensus::Effect& effect,
                                      const consensus::Core& /*core*/) override {
    const auto* chosen = std::get_if<consensus::Chosen>(&effect);
    if (chosen == nullptr) {
      return {};
    }
    const auto [known, is_new] =
        decided_.try_emplace({replica.group, std::string(chosen->key.view())}, std::string(chosen->payload.view()));
    if (is_new || known->second == chosen->payload.view()) {
      return {};
    }
    return "node " + std::to_string(replica.node) + " of group " + std::to_string(replica.group.value()) + " takes " +
           known->first.second + " for " + std::string(chosen->payload.view()) + ", which was decided as " +
           known->second;
  }

 private:
  std::map<std::pair<GroupId, std::string>, std::string> decided_;
};

}  // namespace quorate::sim
