#include "story_list.h"

#include <algorithm>
#include <cstdio>
#include <string>

#include "stories/raft/catalogue.h"

namespace quorate {
namespace {

void print(std::string_view line) {
  std::fwrite(line.data(), 1, line.size(), stdout);
  std::fputc('\n', stdout);
}

}  // namespace

int list_stories() {
  std::size_t width = 0;
  for (const stories::EmbeddedText& story : stories::raft_story_texts()) {
    width = std::max(width, story.name.size());
  }
  for (const stories::EmbeddedText& story : stories::raft_story_texts()) {
    std::string line(story.name);
    line.resize(width + 2, ' ');
    print(line + stories::title_of(story));
  }
  return 0;
}

int play_stories(std::string_view name_or_id) {
  const std::vector<stories::EmbeddedText> found = stories::find_raft_stories(name_or_id);
  if (found.empty()) {
    std::fprintf(stderr, "quorate sim: --story %.*s: no such scenario; `quorate sim --list` names them\n",
                 static_cast<int>(name_or_id.size()), name_or_id.data());
    return 2;
  }
  bool good = true;
  for (const stories::EmbeddedText& story : found) {
    if (found.size() > 1) {
      print("==> " + std::string(story.name));
    }
    good = stories::tell_raft_story(story, &print) && good;
  }
  return good ? 0 : 1;
}

}  // namespace quorate
