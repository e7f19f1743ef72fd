#pragma once
// Search through all worlds within bounds.
//
// First a short look in the order of events: most mistakes show soon, and then with a shortest history. Then all of it,
// the worlds in which least has happened first: a world with more messages stands for one with fewer, and so most ways
// to a world are known before it is expanded. If that finds a violation, a search in the order of events finds a
// shortest one.
//
// Invariants: 1. "exhausted" is said only if every world that no other one stands for was expanded. 2. memory is
// bounded: a search that reaches max_states ends unfinished. 3. worlds are told apart by 64-bit hashes: among n the
// chance that two were taken for one is at most n^2 / 2^65 (3 in a million for 10^7). A value for one search, on the
// caller's thread.

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "explore/bounds.h"

namespace quorate::explore {

struct Progress {
  std::uint64_t states = 0;    ///< distinct ones found
  std::uint64_t frontier = 0;  ///< of those, not yet expanded
  std::uint64_t depth = 0;     ///< events of the longest history so far
  bool shortens = false;       ///< a violation is known, and a shortest history of one is looked for
};

struct Result {
  Progress reached;
  std::uint64_t transitions = 0;  ///< those that led to another state, known or not
  std::uint64_t steps_run = 0;    ///< of single replicas, on the real core; all others were looked up
  std::uint64_t replicas = 0;     ///< distinct states of a single node
  bool exhausted = false;
  std::string violation;           ///< empty: none
  std::vector<std::string> story;  ///< of the violation
  std::uint64_t events = 0;        ///< in the story
  bool is_shortest = false;        ///< no violation within the bounds has a shorter one
};

using OnProgress = std::function<bool(const Progress&)>;

/// `progress` is called every few thousand states; false ends the search unfinished.
[[nodiscard]] Result search(const Model& model, const OnProgress& progress);

}  // namespace quorate::explore
