#pragma once
// A run of the simulator in a process of its own: what becomes of it is known even if it ends in a failed assertion, in
// a signal or never.
//
// Only for a process with one thread.

#include <functional>
#include <string>
#include <string_view>

#include "sim/run.h"

namespace quorate {

struct IsolatedResult {
  std::string violation;      ///< empty: clean
  std::string checker;        ///< what found it: equal ones mean the same fault
  sim::FaultSchedule faults;  ///< that struck
  double cpu_seconds = 0;
};

/// Without an end after `cpu_limit` seconds of CPU it is stopped. `print` gets the story if there is one: `words` says
/// how it is told.
[[nodiscard]] IsolatedResult run_isolated(sim::RunSettings settings, double cpu_limit,
                                          const sim::Story* words = nullptr);

}  // namespace quorate
