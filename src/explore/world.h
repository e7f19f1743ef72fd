#pragma once
// One state of the explored cluster, and what may happen in it.
//
// Invariants: 1. replicas, their mail and the history stand in tables; a world is their numbers. 2. what was sent may
// arrive from then on, also again. Values; the tables are the search's.

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "explore/arrivals.h"
#include "explore/bounds.h"
#include "explore/history.h"
#include "explore/mail.h"
#include "explore/step_table.h"

namespace quorate::explore {

struct World {
  std::array<std::uint32_t, kMaxNodes> replicas{};  ///< node n at n - 1
  Budget budget;
  std::array<std::uint32_t, kMaxNodes> mail{};  ///< to each node
  std::uint32_t history = 0;

  /// Of all but `mail`.
  [[nodiscard]] std::uint64_t hash_but_mail(std::size_t nodes) const;
  /// As words_of(nodes) words, for a queue of many worlds.
  [[nodiscard]] static std::size_t words_of(std::size_t nodes) { return 2 * nodes + 2; }
  void pack(std::size_t nodes, std::span<std::uint32_t> words) const;
  void unpack(std::size_t nodes, std::span<const std::uint32_t> words);
};

/// Everything that worlds refer to by number.
struct Tables {
  explicit Tables(const Model& model) : steps(model), mail(steps), arrivals(steps, mail) {}

  StepTable steps;
  MailTable mail;
  ArrivalTable arrivals;
  HistoryTable histories;
  NumberMap history_after;  ///< by history and row, where nothing else decides
};

/// One thing that happens at one node.
struct Action {
  std::uint8_t node = 0;  ///< its index
  StepInput input;
  std::uint32_t row = NumberMap::kNone;  ///< of the step, if it is known
};

/// Every node alive, nothing sent yet.
[[nodiscard]] World first_lives(const Model& model);
/// Where every history begins; `how`: the steps from first lives to there, none unless Bounds::begins_with_change.
[[nodiscard]] World beginning(Tables& tables, std::vector<Action>& how);

/// Everything that may happen next at the node with this index and make a difference, in an order that depends on the
/// world only.
void list_actions(Tables& tables, const World& world, std::uint8_t node, std::vector<Action>& out);

struct Outcome {
  enum class Change : std::uint8_t {
    none,
    quiet,    ///< no other node and no rule can tell: nothing new for anybody to hear, log and history as before
    noticed,  ///< every other
  };
  Change change = Change::none;
  std::string violation;  ///< in words, or empty
};
/// Makes `world` what it is after `action`.
[[nodiscard]] Outcome carry_out(Tables& tables, const Action& action, World& world);

}  // namespace quorate::explore
