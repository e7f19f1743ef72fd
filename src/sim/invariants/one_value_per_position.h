#pragma once
// I-40, I-45 One value is decided at a position, and decided prefixes have no gaps (Lamport 2001, 2.1: "only a single
// value is chosen"). Of every protocol; I-03 says the same of what state machines make of it.

#include <algorithm>
#include <map>

#include "sim/invariants/invariant.h"
#include "sim/ledger.h"

namespace quorate::sim {

class OneValuePerPosition : public Invariant {
 public:
  explicit OneValuePerPosition(const Ledger& ledger) : ledger_(ledger) {}
  [[nodiscard]] std::string_view id() const override { return "I-40"; }

  [[nodiscard]] std::string on_effect(const ReplicaName& replica, const consensus::Effect& effect,
                                      const consensus::Core& /*core*/) override {
    const auto* commit = std::get_if<consensus::Commit>(&effect);
    if (commit == nullptr) {
      return {};
    }
    Position& committed = committed_[replica];
    Position at = std::max(committed, ledger_.base_of(replica)).next();
    committed = commit->up_to;
    for (; at <= commit->up_to; at = at.next()) {
      const Tag tag = ledger_.tag_at(replica, at);
      const std::string where = "node " + std::to_string(replica.node) + " of group " +
                                std::to_string(replica.group.value()) + " commits " + std::to_string(at.value());
      if (tag.is_none()) {
        return where + ", which its log does not hold";
      }
      const std::uint64_t value = ledger_.value_of(replica.group, {at, tag});
      const auto [decided, is_new] = decided_.try_emplace({replica.group, at}, value, tag);
      if (!is_new && decided->second.first != value) {
        return where + " with the value of tag " + std::to_string(tag.value()) +
               ", another had committed that of tag " + std::to_string(decided->second.second.value());
      }
    }
    return {};
  }

  void on_life_ended(std::uint32_t node) override {
    std::erase_if(committed_, [&](const auto& item) { return item.first.node == node; });
  }

 private:
  const Ledger& ledger_;
  std::map<ReplicaName, Position> committed_;  ///< in this life
  std::map<std::pair<GroupId, Position>, std::pair<std::uint64_t, Tag>> decided_;
};

}  // namespace quorate::sim
