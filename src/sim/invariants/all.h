#pragma once
// The invariants that runs of a protocol are held to.

#include <map>
#include <memory>
#include <vector>

#include "sim/cluster.h"
#include "sim/history.h"
#include "sim/invariants/invariant.h"
#include "sim/ledger.h"
#include "sim/membership_ledger.h"

namespace quorate::sim {

/// What of a run invariants look at. It outlives them.
struct Watched {
  Cluster& cluster;
  const Ledger& ledger;
  const MembershipLedger& memberships;
  std::map<GroupId, History>& histories;
};

/// All that hold for the protocol.
[[nodiscard]] std::vector<std::unique_ptr<Invariant>> invariants_of(const consensus::CoreFactory& protocol,
                                                                    const consensus::CoreConfig& config,
                                                                    const Watched& run);

}  // namespace quorate::sim
