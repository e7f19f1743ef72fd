#pragma once
// `quorate dev ...`: the newcomer's door. See dev_cluster.h for what it manages.

#include <span>
#include <string>

namespace quorate::dev {

/// Runs the command with the words behind `dev`; returns the exit code.
[[nodiscard]] int dev_main(std::span<const std::string> arguments);

}  // namespace quorate::dev
