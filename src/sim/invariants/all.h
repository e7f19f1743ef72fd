#pragma once
// The invariants that runs of a protocol are held to.

#include <map>
#include <memory>
#include <vector>

#include "sim/history.h"
#include "sim/invariants/invariant.h"
#include "sim/ledger.h"

namespace quorate::sim {

/// All that hold for the protocol. `ledger` and `histories` are the run's and outlive them.
[[nodiscard]] std::vector<std::unique_ptr<Invariant>> invariants_of(const consensus::CoreFactory& protocol,
                                                                    const Ledger& ledger,
                                                                    std::map<GroupId, History>& histories);

}  // namespace quorate::sim
