#pragma once
// A run of a protocol without a log: registers of keys that are written once, proposers that compete, and the same
// world and faults as in any run.

#include "sim/run.h"

namespace quorate::sim {

[[nodiscard]] RunResult run_cells(const RunSettings& settings);

}  // namespace quorate::sim
