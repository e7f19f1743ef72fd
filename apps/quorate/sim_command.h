#pragma once
// `quorate sim`: searches with the simulator, or repeats one run.

#include <span>
#include <string>

namespace quorate {

/// Exit codes: 0 clean, 1 a violation was found or the search never did the hard things, 2 wrong flags.
[[nodiscard]] int sim_command(std::span<const std::string> arguments);

}  // namespace quorate
