#pragma once
// How much may happen in the histories that the explorer goes through: every schedule within the bounds is tried.
//
// Messages need no budget: one that was sent may arrive at any later moment, any number of times, or never. So losses,
// duplicates and every order are in. A value; named bounds are what `quorate explore --bounds NAME` knows.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "consensus/contract/protocol.h"

namespace quorate::explore {

/// Of an explored cluster.
inline constexpr std::size_t kMaxNodes = 5;

/// What may still happen. Part of every state; each at most 15.
struct Budget {
  std::uint8_t elections = 0;   ///< election time-outs that made a node ask for votes; without a log: all of a proposer
  std::uint8_t proposals = 0;   ///< commands given to a node that leads; without a log: to any
  std::uint8_t crashes = 0;     ///< with a restart from any legal rest of what was not synced
  std::uint8_t heartbeats = 0;  ///< regular words of a leader, and words of a commit
  std::uint8_t reads = 0;       ///< asked of a node that leads
  std::uint8_t reconfigurations = 0;

  [[nodiscard]] std::uint32_t packed() const;
  [[nodiscard]] static Budget unpacked(std::uint32_t bits);
};

struct Bounds {
  std::string_view name;
  std::size_t nodes = 3;  ///< n1, n2, ...: all vote at the beginning
  /// Before the search begins n1 was elected, everybody has heard it out, and it was asked for the first target: the
  /// change is in its log only.
  bool begins_with_change = false;
  Budget budget;
  std::size_t campaigners = kMaxNodes;  ///< only the election timers of the first so many run out
  std::size_t crashing = 0;             ///< only this node crashes, 1 the first; 0: any may
  std::size_t entries_per_message = 16;
  /// What a leader may be asked to go over to.
  std::vector<consensus::Membership> targets;
  /// A search that needs more than this ends unfinished.
  std::uint64_t max_states = 0;
  /// So many in the order of events first: a mistake that shows there has a shortest history at once.
  std::uint64_t first_look = 200'000;
  /// Leave out schedules that others stand for (README.md). Off only to compare.
  bool reduced = true;
};

/// What is explored, shared by every step. Of the protocol: its words for the story, what nobody hears, how its tags
/// and nodes are ordered.
struct Model {
  consensus::Protocol protocol;
  Bounds bounds;

  /// Only the first so many nodes campaign. Where the order of names decides it is the order of those who campaign:
  /// with two elections every history of n1 and n3 is one of n1 and n2 under other names.
  [[nodiscard]] std::size_t campaigners() const;
};

/// Nothing if there are no bounds of that name for protocols that keep a log, or for those that do not. Where each slot
/// is accepted for itself `medium` has one proposal, which makes three entries with the no-op and the change.
[[nodiscard]] std::optional<Bounds> bounds_named(std::string_view name, const consensus::CoreFactory& protocol);
/// "small, medium or reads": for help and errors.
[[nodiscard]] std::string names_of_bounds(bool keeps_log);

}  // namespace quorate::explore
