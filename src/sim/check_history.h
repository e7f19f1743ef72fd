#pragma once
// The checkers of what clients saw. Each answers the first thing that is wrong, empty if nothing is: one sentence with
// the operations involved. Every checker has hand-made wrong histories that it must reject (check_history_test.cc).

#include <string>

#include "sim/history.h"

namespace quorate::sim {

/// V-01, V-02, V-09: revisions are a legal total order. Every acknowledged write stands in the trail at its revision
/// with exactly its changes, a refused one nowhere, an unknown one at most once; every change of the trail was asked
/// for; an operation that began after another had returned has no smaller revision (writes: a greater one).
[[nodiscard]] std::string check_order(const History& history);

/// V-01, V-04: every read's answer is the state at its revision.
[[nodiscard]] std::string check_reads(const History& history);

/// V-05: a watcher was told every matching change once, in order, without a gap, whole revisions at a time; a progress
/// notice promised only what had been told.
[[nodiscard]] std::string check_watches(const History& history);

/// All of the above, first finding.
[[nodiscard]] std::string check_history(const History& history);

}  // namespace quorate::sim
