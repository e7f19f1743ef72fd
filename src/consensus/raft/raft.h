#pragma once
// Raft (Ongaro's thesis and paper) as a protocol core: what `server` and `sim` register.
//
// README.md beside this file has the state diagram, the messages, and what differs from the paper and why.
// Cores live on the loop of their group's runtime.

#include <memory>
#include <span>
#include <string_view>

#include "consensus/contract/core.h"

namespace quorate::raft {

/// A replica that goes on from `state`. Its first effects are there at once: take them before the first step.
[[nodiscard]] std::unique_ptr<consensus::Core> make_raft(const consensus::CoreConfig& config,
                                                         consensus::PersistedState state);

[[nodiscard]] consensus::CoreFactory raft_factory();

/// The names of the protocol branches that a search over crashes and networks must reach: a name that no run of many
/// emitted is a branch that was never tested.
[[nodiscard]] std::span<const std::string_view> raft_trace_names();

/// All names of branches, with those that need a malformed message or a damaged disk.
[[nodiscard]] std::span<const std::string_view> all_raft_trace_names();

}  // namespace quorate::raft
