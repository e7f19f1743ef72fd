#pragma once
// `quorate serve`: from words on the command line to a running node and back to an exit code.

#include <span>
#include <string>

namespace quorate::server {

/// Exit codes: 0 stopped in order, 1 the node cannot go on (one line on stderr says why and what to do), 2 wrong flags.
[[nodiscard]] int serve_main(std::span<const std::string> arguments);

/// "quorate 0.1.0" and what it was built with.
[[nodiscard]] std::string version_text();

}  // namespace quorate::server
