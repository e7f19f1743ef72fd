#pragma once
// `quorate paxos`: proposes and learns keys of a register that is written once.

#include <span>
#include <string>

namespace quorate {

/// Exit codes: 0 done, 1 no answer or nothing is decided, 2 wrong words, 3 another value was decided.
[[nodiscard]] int paxos_command(std::span<const std::string> arguments);

}  // namespace quorate
