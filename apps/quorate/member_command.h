#pragma once
// `quorate member`: who takes part in a cluster, and changing that for several at once.

#include <span>
#include <string>

namespace quorate {

/// The exit code: 0 done, 1 refused or not reached, 2 a wrong command line.
[[nodiscard]] int member_command(std::span<const std::string> arguments);

}  // namespace quorate
