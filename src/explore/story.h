#pragma once
// A path of a search, told for a person: what happened at which node, what it said to whom, what the disks hold in the
// end. The search goes from family to family of worlds (symmetry.h); the story keeps the names of its beginning.

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "explore/symmetry.h"

namespace quorate::explore {

struct Story {
  std::vector<std::string> lines;
  std::string violation;  ///< of the last step, in the names of the story
};

/// `path`: of each world on the way, which of its turns was taken.
[[nodiscard]] Story tell_story(Tables& tables, Symmetry& symmetry, std::span<const std::uint16_t> path);

}  // namespace quorate::explore
