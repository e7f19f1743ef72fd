#pragma once
// Which messages a replica cannot hear any more: for the explorer. Pure.

#include "base/bytes.h"
#include "consensus/contract/core.h"

namespace quorate::multipaxos {

/// consensus::Protocol::is_deaf_to.
[[nodiscard]] bool is_deaf_to(const consensus::CoreStatus& replica, ByteView message);

}  // namespace quorate::multipaxos
