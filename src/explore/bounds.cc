#include "explore/bounds.h"

#include <algorithm>
#include <utility>

namespace quorate::explore {

using consensus::Membership;

namespace {

constexpr unsigned kBits = 4;

Membership voters(std::vector<NodeId> nodes) {
  return {.voters = std::move(nodes), .outgoing_voters = {}, .learners = {}};
}

std::vector<Bounds> all_bounds() {
  const NodeId n1(1);
  const NodeId n2(2);
  const NodeId n3(3);
  const NodeId n4(4);
  const std::vector<Membership> pairs = {voters({n1, n2}), voters({n1, n3}), voters({n2, n3})};
  return {
      {.name = "small",
       .budget = {.elections = 2, .proposals = 2, .crashes = 1},
       .targets = {},
       .max_states = 50'000'000},
      {.name = "medium",
       .budget = {.elections = 3, .proposals = 2, .reconfigurations = 1},
       .campaigners = 2,
       .targets = {voters({n1, n3})},
       .max_states = 120'000'000},
      {.name = "large",
       .budget = {.elections = 3, .proposals = 3, .crashes = 1, .heartbeats = 1, .reads = 1, .reconfigurations = 1},
       .targets = pairs,
       .max_states = 250'000'000},
      {.name = "reads",
       .budget = {.elections = 2, .proposals = 1, .reads = 1},
       .targets = {},
       .max_states = 20'000'000},
      {.name = "figure-8",
       .budget = {.elections = 2, .proposals = 1},
       .entries_per_message = 1,
       .targets = {},
       .max_states = 20'000'000},
      {.name = "membership",
       .nodes = 4,
       .begins_with_change = true,
       .budget = {.elections = 2, .reconfigurations = 1},
       .campaigners = 2,
       .targets = {voters({n1, n2, n3}), voters({n2, n3, n4})},
       .max_states = 60'000'000,
       .first_look = 2'000'000},
  };
}

/// Of one cell.
std::vector<Bounds> bounds_of_cells() {
  return {
      {.name = "small", .budget = {.elections = 2, .proposals = 2}, .targets = {}, .max_states = 20'000'000},
      {.name = "crashes", .budget = {.proposals = 2, .crashes = 1}, .targets = {}, .max_states = 20'000'000},
      {.name = "reads", .budget = {.proposals = 2, .reads = 1}, .targets = {}, .max_states = 20'000'000},
      {.name = "medium",
       .budget = {.elections = 1, .proposals = 2, .crashes = 1},
       .targets = {},
       .max_states = 120'000'000},
  };
}

}  // namespace

std::uint32_t Budget::packed() const {
  std::uint32_t bits = 0;
  for (const std::uint8_t left : {elections, proposals, crashes, heartbeats, reads, reconfigurations}) {
    bits = bits << kBits | left;
  }
  return bits;
}

Budget Budget::unpacked(std::uint32_t bits) {
  const auto take = [&bits] {
    const auto left = static_cast<std::uint8_t>(bits & ((1U << kBits) - 1));
    bits >>= kBits;
    return left;
  };
  Budget budget;
  for (std::uint8_t* left : {&budget.reconfigurations, &budget.reads, &budget.heartbeats, &budget.crashes,
                             &budget.proposals, &budget.elections}) {
    *left = take();
  }
  return budget;
}

std::size_t Model::campaigners() const {
  const bool stand_for_all =
      bounds.reduced && protocol.cores.node_ids_decide && protocol.cores.keeps_log && bounds.targets.empty();
  return stand_for_all ? std::min<std::size_t>(bounds.campaigners, bounds.budget.elections) : bounds.campaigners;
}

std::optional<Bounds> bounds_named(std::string_view name, const consensus::CoreFactory& protocol) {
  std::vector<Bounds> known = protocol.keeps_log ? all_bounds() : bounds_of_cells();
  for (Bounds& bounds : known) {
    if (bounds.name == name) {
      const bool is_wide = protocol.keeps_log && !protocol.ids_identify_prefix && bounds.name == "medium";
      bounds.budget.proposals = is_wide ? 1 : bounds.budget.proposals;
      return std::move(bounds);
    }
  }
  return std::nullopt;
}

std::string names_of_bounds(bool keeps_log) {
  const std::vector<Bounds> known = keeps_log ? all_bounds() : bounds_of_cells();
  std::string text;
  for (std::size_t i = 0; i < known.size(); ++i) {
    text += i == 0 ? "" : i + 1 == known.size() ? " or " : ", ";
    text += known[i].name;
  }
  return text;
}

}  // namespace quorate::explore
