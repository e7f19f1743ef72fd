#pragma once
// Sets of packets, once each and by number: what one node has said so far. Any of it may arrive at any later moment,
// any number of times, or never.
//
// Invariant: sets never change; a node that says more gets another one. Owned by a search.

#include <array>
#include <cstdint>
#include <deque>
#include <span>
#include <vector>

#include "explore/step_table.h"

namespace quorate::explore {

class SaidTable {
 public:
  explicit SaidTable(const StepTable& table) : table_(table) { (void)keep({}); }

  /// The set of these; the empty one is 0.
  [[nodiscard]] std::uint32_t keep(std::vector<std::uint32_t> packets);
  /// With what the step of that row has sent.
  [[nodiscard]] std::uint32_t with(std::uint32_t set, std::uint32_t row);
  /// Sorted.
  [[nodiscard]] const std::vector<std::uint32_t>& all(std::uint32_t set) const { return sets_[set].packets; }
  /// Of those, what `node` may receive.
  [[nodiscard]] std::span<const std::uint32_t> to(std::uint32_t set, std::size_t node) const {
    const Set& one = sets_[set];
    return std::span(one.by_receiver).subspan(one.begins[node], one.begins[node + 1] - one.begins[node]);
  }
  [[nodiscard]] bool is_part(std::uint32_t small, std::uint32_t large) const;
  [[nodiscard]] std::size_t size() const { return sets_.size(); }

 private:
  struct Set {
    std::vector<std::uint32_t> packets;
    std::vector<std::uint32_t> by_receiver;
    std::array<std::uint16_t, kMaxNodes + 1> begins{};
    std::uint64_t marks = 0;  ///< one bit or more for each packet: most that are no part show it here
  };

  const StepTable& table_;
  std::deque<Set> sets_;
  NumberMap by_hash_;
  NumberMap by_addition_;  ///< by set and row
};

}  // namespace quorate::explore
