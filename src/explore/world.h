#pragma once
// One state of the explored cluster, and what may happen in it.
//
// Invariants: 1. replicas, what they said and the history stand in tables; a world is their numbers. 2. what was said
// may arrive from then on, also again. Values; the tables are the search's.

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "explore/arrivals.h"
#include "explore/bounds.h"
#include "explore/history.h"
#include "explore/said.h"
#include "explore/step_table.h"

namespace quorate::explore {

struct World {
  std::array<std::uint32_t, kMaxNodes> replicas{};  ///< node n at n - 1
  Budget budget;
  std::array<std::uint32_t, kMaxNodes> said{};  ///< by each node, in all its lives
  std::uint32_t history = 0;

  /// Of all but `said`.
  [[nodiscard]] std::uint64_t hash_but_said(std::size_t nodes) const;
  /// As words_of(nodes) words, for a queue of many worlds.
  [[nodiscard]] static std::size_t words_of(std::size_t nodes) { return 2 * nodes + 2; }
  void pack_into(std::size_t nodes, std::vector<std::uint32_t>& out) const;
  void unpack(std::size_t nodes, std::span<const std::uint32_t> words);
};

/// Everything that worlds refer to by number.
struct Tables {
  explicit Tables(const Model& model) : steps(model), said(steps), arrivals(steps, said) {}

  StepTable steps;
  SaidTable said;
  ArrivalTable arrivals;
  HistoryTable histories;
};

/// One thing that happens at one node.
struct Action {
  std::uint8_t node = 0;  ///< its index
  StepInput input;
  std::uint32_t row = NumberMap::kNone;  ///< of the step, if it is known
};

/// Every node alive, nothing said yet.
[[nodiscard]] World beginning(const Model& model);

/// Everything that may happen next and make a difference, in an order that depends on the world only.
void list_actions(Tables& tables, const World& world, std::vector<Action>& out);

/// Makes `world` what it is after `action`. Gives the violation in words, or nothing. `changed`: false if all is as
/// before.
[[nodiscard]] std::string carry_out(Tables& tables, const Action& action, World& world, bool& changed);

}  // namespace quorate::explore
