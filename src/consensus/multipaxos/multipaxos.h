#pragma once
// Multi-Paxos with a distinguished proposer, as a protocol.
//
// README.md beside this file has the state diagram, the messages, and what differs from the papers and why.
// Cores live on the loop of their group's runtime.

#include "consensus/contract/protocol.h"

namespace quorate::multipaxos {

[[nodiscard]] const consensus::Protocol& protocol();

}  // namespace quorate::multipaxos
