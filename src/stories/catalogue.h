#pragma once
// The stories by name: the transcripts of src/consensus/*/testdata, compiled in, and how one is told.
//
// Pure functions over constants.

#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "consensus/contract/protocol.h"
#include "stories/embedded.h"

namespace quorate::stories {

/// In order of their protocols, then of their names.
[[nodiscard]] std::span<const EmbeddedText> story_texts();

/// The first sentence of what the story says of itself.
[[nodiscard]] std::string title_of(const EmbeddedText& story);

/// By name, or by the ID of a scenario that they cover: of `protocol`, or of all if that is empty.
[[nodiscard]] std::vector<EmbeddedText> find_stories(std::string_view name_or_id, std::string_view protocol = {});

/// Plays the story with the protocol's cores and tells it in lanes. False: a rule was broken, or what happened is not
/// what is written down; played by another protocol than its own, a story has only its schedule.
[[nodiscard]] bool tell_story(const consensus::Protocol& protocol, const EmbeddedText& story,
                              const std::function<void(std::string_view)>& print);

}  // namespace quorate::stories
