#pragma once
// The named scenarios of `quorate sim`: what there is, and playing one.

#include <string_view>

namespace quorate {

/// Of one protocol, or of all if `protocol` is empty. Exit code 0.
int list_stories(std::string_view protocol);

/// Every story of that name or scenario ID, of that protocol or of all, in lanes. One that only other protocols have is
/// played by that protocol's cores all the same. Exit codes: 0, 1 if something
/// happened that should not, 2 if there is no such story.
int play_stories(std::string_view name_or_id, std::string_view protocol);

}  // namespace quorate
