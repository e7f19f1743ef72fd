#pragma once
// `quorate explore`: every schedule of a small cluster, on the real core.

#include <span>
#include <string>

namespace quorate {

/// Exit codes: 0 exhausted and clean, 1 a violation was found, 2 wrong flags, 3 a limit was hit before the end.
[[nodiscard]] int explore_command(std::span<const std::string> arguments);

}  // namespace quorate
