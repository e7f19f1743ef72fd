#pragma once
// Leases in a history: a key never goes before its lease may end, and goes at last.

#include <cstdint>
#include <string>

#include "sim/history.h"

namespace quorate::sim {

/// E-03, E-05, V-07: no key is deleted by expiry before its lease's time ran out since the last acknowledged grant or
/// keep-alive; no keep-alive succeeds after the lease was revoked; a revoked lease's keys are gone in one revision; at
/// the end no key of a lease is left that nobody kept alive. `ttl_seconds` is the granted time to live.
[[nodiscard]] std::string check_leases(const History& history, std::int64_t ttl_seconds);

}  // namespace quorate::sim
