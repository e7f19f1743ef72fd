#pragma once
// What every protocol refuses when it is asked for another membership. Pure functions.

#include <cstddef>

#include "consensus/contract/entry.h"

namespace quorate::consensus {

/// What somebody may ask for: somebody votes, nobody stands in both lists, and the joint state is not asked for.
[[nodiscard]] bool is_valid_target(const Membership& target);

/// How many voters come or go.
[[nodiscard]] std::size_t voters_changed(const Membership& from, const Membership& to);

}  // namespace quorate::consensus
