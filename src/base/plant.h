#pragma once
// Planted bugs: places in shipping code where a test build may do the wrong thing, so that simulator and
// explorer prove that they can find it. In every other build the condition is the constant false.
//
//   if (!QUORATE_PLANT(vote_not_persisted)) { ... the right thing ... }

#include <string_view>

#ifdef QUORATE_PLANTS
namespace quorate {
/// True if this run was started with `--plant name`. At most one plant is active in a process.
bool plant_active(std::string_view name);
/// Chooses the plant; empty for none.
void activate_plant(std::string_view name);
}  // namespace quorate
#define QUORATE_PLANT(name) (::quorate::plant_active(#name))
#else
#define QUORATE_PLANT(name) (false)
#endif
