#pragma once
// The stories of Raft by name: the transcripts of consensus/raft/testdata, compiled in, and how one is told.
//
// Pure functions over constants.

#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "stories/embedded.h"

namespace quorate::stories {

/// In order of their names.
[[nodiscard]] std::span<const EmbeddedText> raft_story_texts();

/// The first sentence of what the story says of itself.
[[nodiscard]] std::string title_of(const EmbeddedText& story);

/// By name, or by the ID of a scenario that it covers; several can have the same ID.
[[nodiscard]] std::vector<EmbeddedText> find_raft_stories(std::string_view name_or_id);

/// Plays the story and tells it in lanes. False: what happened is not what is written down, or a rule was broken.
[[nodiscard]] bool tell_raft_story(const EmbeddedText& story, const std::function<void(std::string_view)>& print);

}  // namespace quorate::stories
