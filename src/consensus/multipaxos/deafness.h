#pragma once
// Which messages a replica cannot hear, and what a message swears: for observers, none of whom knows a ballot's rules.
//
// Pure functions.

#include <optional>

#include "base/bytes.h"
#include "consensus/contract/core.h"

namespace quorate::multipaxos {

/// consensus::Protocol::is_deaf_to.
[[nodiscard]] bool is_deaf_to(const consensus::CoreStatus& replica, ByteView message);

/// consensus::CoreFactory::vow_of: a promise of phase 1, an acceptance of phase 2.
[[nodiscard]] std::optional<consensus::Vow> vow_of(ByteView message);

}  // namespace quorate::multipaxos
