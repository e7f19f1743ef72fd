#pragma once
// Who this node is: as its data directory says, as --initial-cluster makes it, or, for a node that was added to a
// running cluster, as the members there tell it.

#include "consensus/contract/protocol.h"
#include "server/event_log.h"
#include "server/identity.h"
#include "server/options.h"

namespace quorate::server {

/// A new cluster with this member in it: ids and quorum sizes as the options say. `options` is complete.
[[nodiscard]] Result<ClusterIdentity> found_cluster(const ServeOptions& options, const consensus::Protocol& protocol);

/// Blocking; asks the other members only at the first start of a node that joins, for at most a few seconds. `options`
/// is complete. The error says what does not fit, with both ids where there are two, and what to do.
[[nodiscard]] Result<ClusterIdentity> find_identity(const ServeOptions& options, const consensus::Protocol& protocol,
                                                    EventLog& log);

}  // namespace quorate::server
