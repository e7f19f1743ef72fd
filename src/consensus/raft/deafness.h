#pragma once
// Which messages a replica will never heed again, for the explorer. A pure function.

#include "consensus/contract/core.h"

namespace quorate::raft {

/// As Protocol::is_deaf_to: answers of an old term, and answers in a term that this replica does not lead and will not.
/// Requests of an old term are answered, and so they are heard.
[[nodiscard]] bool is_deaf_to(const consensus::CoreStatus& replica, ByteView message);

}  // namespace quorate::raft
