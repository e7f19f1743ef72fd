#pragma once
// `quorate check-history FILE`: what clients of real processes saw, judged by the simulator's checkers.

#include <span>
#include <string>

namespace quorate {

/// Exit code 0: clean, 1: a finding, 2: the file cannot be read or is not a whole history.
int check_history_command(std::span<const std::string> words);

}  // namespace quorate
