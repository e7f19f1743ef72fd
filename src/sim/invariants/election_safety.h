#pragma once
// I-10 Election safety: at most one leader per group and term, ever (Ongaro and Ousterhout 2014, figure 3).
// Of every protocol: a tag has one proposer.

#include <map>

#include "sim/invariants/invariant.h"

namespace quorate::sim {

class ElectionSafety : public Invariant {
 public:
  [[nodiscard]] std::string_view id() const override { return "I-10"; }

  [[nodiscard]] std::string on_role(std::uint32_t node, GroupId group, const consensus::RoleChanged& change) override {
    if (change.to != consensus::Role::leader) {
      return {};
    }
    const auto [known, is_new] = leaders_.try_emplace({group, change.tag}, node);
    if (is_new || known->second == node) {
      return {};
    }
    return "two leaders of group " + std::to_string(group.value()) + " in term " + std::to_string(change.tag.value()) +
           ": nodes " + std::to_string(known->second) + " and " + std::to_string(node);
  }

 private:
  std::map<std::pair<GroupId, Tag>, std::uint32_t> leaders_;
};

}  // namespace quorate::sim
