#pragma once
// The operating system's refusals as errors: what was tried, on what, and the system's own words.

#include <string_view>

#include "base/result.h"

namespace quorate::env_posix {

/// "cannot <what>: <the system's words>" for `number`, an errno value. A full disk or quota is no_space, a missing
/// file not_found, an existing one already_exists, everything else io.
[[nodiscard]] Error system_error(std::string_view what, int number);

}  // namespace quorate::env_posix
