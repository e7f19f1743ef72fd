#pragma once
// What clients of a register of cells did and saw, and whether it is legal.
//
// Rules: 1. every answer that names a key's value names the same one. 2. that value was proposed for the key by a
// request made before the answer came. 3. who learns that nothing is decided asked before anybody was told otherwise:
// no answer with a value had been given when the question was asked. (A register that is written once is linearizable
// if these hold: it is empty, then it has one value.) Pure.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/time.h"

namespace quorate::sim {

struct CellOperation {
  std::uint32_t client = 0;
  std::uint32_t node = 0;             ///< that was asked
  std::optional<std::string> wish{};  ///< the proposed value; none: learn
  std::string key;
  Instant invoked{};
  Instant returned{};
  enum class Outcome : std::uint8_t {
    decided,
    not_decided,
    refused,  ///< nothing was done
    unknown,  ///< may have happened, may happen later
  };
  Outcome outcome = Outcome::unknown;
  std::string value;  ///< of decided
};

/// What is wrong with the history of one group, or empty.
[[nodiscard]] std::string check_cells(const std::vector<CellOperation>& history);

/// One line for a story.
[[nodiscard]] std::string words(const CellOperation& operation);

}  // namespace quorate::sim
