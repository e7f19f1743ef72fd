#pragma once
// How many members must answer in each phase: a cluster keeps the sizes that it was founded with, in each member's data
// directory, and tells them to who joins. Owned by nobody: functions over options.

#include <string>

#include "base/result.h"
#include "consensus/contract/protocol.h"
#include "quorum/phase_sizes.h"
#include "server/options.h"

namespace quorate::server {

/// Of a new cluster of `voters`: what the flags say. Errors, each naming flags, values and limit: invalid: the protocol
/// has no such setting, or two quorums need not share a voter, or there are not so many.
[[nodiscard]] Result<quorum::PhaseSizes> sizes_of_new_cluster(const ServeOptions& options,
                                                              const consensus::Protocol& protocol, std::size_t voters);

/// Of a cluster that exists and has `kept`; a flag that is not given asks for nothing. `whose`: "data directory 'd'
/// belongs to a cluster". Errors: invalid, as above; foreign: flags or protocol do not go with it.
[[nodiscard]] Status check_sizes_kept(const ServeOptions& options, const consensus::Protocol& protocol,
                                      quorum::PhaseSizes kept, const std::string& whose);

}  // namespace quorate::server
