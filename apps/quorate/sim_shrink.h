#pragma once
// Making a failing run of the simulator smaller, and telling what is left.

#include <string>

#include "protocols/protocols.h"
#include "sim/run.h"

namespace quorate {

/// How a run of the protocol is told, line by line to standard output. Heartbeats are left out.
[[nodiscard]] sim::Story story_of(const consensus::Protocol& protocol);

/// Looks for the smallest run that fails as `failing` does, for at most `cpu_seconds`; prints how much is left of it,
/// the command that repeats it and the end of its story. False if `failing` does not fail.
bool shrink_and_tell(sim::RunSettings failing, double cpu_seconds, const std::string& plant);

}  // namespace quorate
