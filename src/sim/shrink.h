#pragma once
// Makes a failing run smaller while it fails the same way: fewer faults, groups, clients, watchers, a shorter run.
//
// Delta debugging (Zeller and Hildebrandt 2002, ddmin) over the list of faults, steps towards the least for what is a
// number, again and again until nothing can go. A run with one client less takes another course from its first
// operation on, so a failure that hangs on its moment is gone with it: what does not fail is tried in a few variants.
// Invariants: 1. the result fails. 2. unless `fails` gave up, no single fault, group, client or watcher can be left out
// of it. Pure: equal answers of `fails` give equal results.

#include <functional>

#include "sim/run.h"

namespace quorate::sim {

/// True if the run fails as the first one did. It may say no once its time is up: the search ends then.
using Fails = std::function<bool(const RunSettings&)>;

/// `failing` fails, and has a schedule.
[[nodiscard]] RunSettings shrink(const RunSettings& failing, const Fails& fails);

}  // namespace quorate::sim
