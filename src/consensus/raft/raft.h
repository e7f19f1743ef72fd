#pragma once
// Raft (Ongaro's thesis and paper) as a protocol core: what src/protocols lists.
//
// README.md beside this file has the state diagram, the messages, and what differs from the paper and why.
// Cores live on the loop of their group's runtime.

#include <memory>

#include "consensus/contract/protocol.h"

namespace quorate::raft {

/// A replica that goes on from `state`. Its first effects are there at once: take them before the first step.
[[nodiscard]] std::unique_ptr<consensus::Core> make_raft(const consensus::CoreConfig& config,
                                                         consensus::PersistedState state);

[[nodiscard]] const consensus::Protocol& protocol();

}  // namespace quorate::raft
