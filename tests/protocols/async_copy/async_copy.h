#pragma once
// Asynchronous copying, as database replication does it by default: a primary acknowledges what its own disk has, and
// copies it when it can; when it falls silent another takes over. What that loses: docs/replication.md. Never served.

#include "consensus/contract/protocol.h"

namespace quorate::async_copy {
[[nodiscard]] const consensus::Protocol& protocol();
}  // namespace quorate::async_copy
