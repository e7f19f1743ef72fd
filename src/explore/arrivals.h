#pragma once
// For a replica and what one node has said: what of it makes a difference if it arrives. Most of what was ever said
// does not any more, and worlds have pairs of the two in common.
//
// Owned by a search.

#include <cstdint>
#include <span>
#include <vector>

#include "explore/said.h"
#include "explore/step_table.h"

namespace quorate::explore {

class ArrivalTable {
 public:
  ArrivalTable(StepTable& steps, const SaidTable& said) : steps_(steps), said_(said) {}

  struct Arrival {
    std::uint32_t packet = 0;
    std::uint32_t row = 0;  ///< of the step
  };
  /// Those that change the replica or are answered. `replica` is a state of the node with index `node`.
  [[nodiscard]] std::span<const Arrival> of(std::uint32_t replica, std::size_t node, std::uint32_t set);

 private:
  struct List {
    std::uint32_t first = 0;
    std::uint32_t count = 0;
  };

  StepTable& steps_;
  const SaidTable& said_;
  NumberMap list_by_pair_;  ///< by replica and set
  std::vector<List> lists_;
  std::vector<Arrival> arrivals_;
};

}  // namespace quorate::explore
