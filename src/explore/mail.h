#pragma once
// Sets of packets to one node, once each and by number: what was sent to it so far and can still make a difference.
// Any of it may arrive at any later moment, any number of times, or never.
//
// Invariants: 1. sets never change; a node that is sent more gets another one. 2. where schedules are left out, no set
// of a world holds what the node is deaf to (Protocol::is_deaf_to): nothing that follows can tell whether it was sent.
// Owned by a search.

#include <array>
#include <cstdint>
#include <deque>
#include <vector>

#include "explore/step_table.h"

namespace quorate::explore {

class MailTable {
 public:
  explicit MailTable(StepTable& steps) : steps_(steps) { (void)keep({}); }

  /// The set of these, which are sorted; the empty one is 0.
  [[nodiscard]] std::uint32_t keep(std::vector<std::uint32_t> packets);
  /// What the step of `row` sends to the node with that index.
  [[nodiscard]] std::uint32_t sent(std::uint32_t row, std::size_t node);
  /// `set` and what of `added` the replica `receiver` may still hear.
  [[nodiscard]] std::uint32_t with(std::uint32_t set, std::uint32_t added, std::uint32_t receiver);
  /// Without what `receiver` has become deaf to.
  [[nodiscard]] std::uint32_t heard_by(std::uint32_t receiver, std::uint32_t set);
  /// Sorted.
  [[nodiscard]] const std::vector<std::uint32_t>& all(std::uint32_t set) const { return sets_[set].packets; }
  [[nodiscard]] bool is_part(std::uint32_t small, std::uint32_t large) const;
  [[nodiscard]] std::size_t size() const { return sets_.size(); }

 private:
  struct Set {
    std::vector<std::uint32_t> packets;
    std::uint64_t marks = 0;  ///< one bit or more for each packet: most that are no part show it here
  };

  StepTable& steps_;
  std::deque<Set> sets_;
  NumberMap by_hash_;
  NumberMap by_addition_;  ///< by both sets
  NumberMap by_receiver_;  ///< by set and receiver
  static constexpr std::uint32_t kUnknown = NumberMap::kNone;
  std::vector<std::array<std::uint32_t, kMaxNodes>> sent_by_row_;  ///< kUnknown first: not asked for yet
};

}  // namespace quorate::explore
