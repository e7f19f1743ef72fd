#include "story_list.h"

#include <algorithm>
#include <cstdio>
#include <string>

#include "simulated_protocols.h"
#include "stories/catalogue.h"

namespace quorate {
namespace {

void print(std::string_view line) {
  std::fwrite(line.data(), 1, line.size(), stdout);
  std::fputc('\n', stdout);
}

bool is_wanted(const stories::EmbeddedText& story, std::string_view protocol) {
  return protocol.empty() ? find_simulated(story.protocol) != nullptr : story.protocol == protocol;
}

}  // namespace

int list_stories(std::string_view protocol) {
  std::size_t width = 0;
  std::size_t protocol_width = 0;
  for (const stories::EmbeddedText& story : stories::story_texts()) {
    if (is_wanted(story, protocol)) {
      width = std::max(width, story.name.size());
      protocol_width = std::max(protocol_width, story.protocol.size());
    }
  }
  for (const stories::EmbeddedText& story : stories::story_texts()) {
    if (is_wanted(story, protocol)) {
      std::string line(story.name);
      line.resize(width + 2, ' ');
      line += story.protocol;
      line.resize(width + protocol_width + 4, ' ');
      print(line + stories::title_of(story));
    }
  }
  return 0;
}

int play_stories(std::string_view name_or_id, std::string_view protocol) {
  std::vector<stories::EmbeddedText> found = stories::find_stories(name_or_id, protocol);
  if (found.empty()) {
    found = stories::find_stories(name_or_id);  // another protocol's, played by this one
  }
  std::erase_if(found, [](const auto& story) { return find_simulated(story.protocol) == nullptr; });
  if (found.empty()) {
    std::fprintf(stderr, "quorate sim: --story %.*s: no such scenario; `quorate sim --list` names them\n",
                 static_cast<int>(name_or_id.size()), name_or_id.data());
    return 2;
  }
  bool good = true;
  for (const stories::EmbeddedText& story : found) {
    if (found.size() > 1) {
      print("==> " + std::string(story.name) + ", " + std::string(story.protocol));
    }
    const std::string_view player = protocol.empty() ? story.protocol : protocol;
    good = stories::tell_story(*find_simulated(player), story, &print) && good;
  }
  return good ? 0 : 1;
}

}  // namespace quorate
