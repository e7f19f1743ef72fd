#pragma once
// Basic Paxos over cells, each decided once, as a protocol.
//
// README.md beside this file has the messages, the states of a cell, and what differs from the paper and why.
// Cores live on the loop of their group's runtime.

#include "consensus/contract/protocol.h"

namespace quorate::paxos {

[[nodiscard]] const consensus::Protocol& protocol();

}  // namespace quorate::paxos
