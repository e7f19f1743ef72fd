#include "stories/catalogue.h"

#include <map>
#include <optional>
#include <sstream>
#include <utility>

#include "stories/lanes.h"
#include "stories/transcript.h"

namespace quorate::stories {

namespace {

bool is_alphanumeric(char c) { return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z'); }

/// "R-05" in "R-05, R-06: ...", not in "XR-05" or "R-051".
bool names(std::string_view text, std::string_view id) {
  for (std::size_t at = text.find(id); at != std::string_view::npos; at = text.find(id, at + 1)) {
    const bool begins = at == 0 || !is_alphanumeric(text[at - 1]);
    const bool ends = at + id.size() == text.size() || !is_alphanumeric(text[at + id.size()]);
    if (begins && ends) {
      return true;
    }
  }
  return false;
}

/// Tells one story: comments in their own words, commands, and in lanes what happens then.
class Telling {
 public:
  Telling(const consensus::Protocol& protocol, const Lanes::Print& print) : print_(print), transcript_(protocol) {}

  /// A line of the story's own words; a scene ends with it.
  void comment(const std::string& line) {
    if (lanes_) {
      show_disks();
    }
    print_(line);
  }

  void command(const std::string& command) {
    const std::vector<Happening> happened = transcript_.run(command);
    if (!lanes_ || command.starts_with("nodes ")) {
      flush();
      print_("> " + command);
      lanes_.emplace(transcript_.cluster().node_ids(), print_);
      disks_.clear();
      lanes_->draw_legend();
      lanes_->draw_header();
      return;
    }
    lanes_->say("> " + command);
    for (const Happening& happening : happened) {
      if (is_quiet(command)) {
        lanes_->note(happening);
      } else {
        lanes_->draw(happening);
      }
    }
    lanes_->flush();
  }

  /// The disks that keep something else than when they were last shown.
  void show_disks() {
    flush();
    for (const NodeId node : transcript_.cluster().node_ids()) {
      std::string words = transcript_.cluster().disk_words(node);
      if (const std::string before = std::exchange(disks_[node], words); before != words) {
        print_("disk of " + name_of(node) + ": " + words);
      }
    }
  }

  [[nodiscard]] std::vector<std::string> end() {
    show_disks();
    transcript_.end();
    return transcript_.problems();
  }

 private:
  void flush() {
    if (lanes_) {
      lanes_->flush();
    }
  }

  const Lanes::Print& print_;
  Transcript transcript_;
  std::optional<Lanes> lanes_;
  std::map<NodeId, std::string> disks_;  ///< as last shown
};

}  // namespace

std::string title_of(const EmbeddedText& story) {
  std::string said;
  std::istringstream lines{std::string(story.text)};
  for (std::string line; std::getline(lines, line) && line.starts_with("# ");) {
    said += (said.empty() ? "" : " ") + line.substr(2);
  }
  for (std::size_t i = 0; i + 1 < said.size(); ++i) {
    if (said[i] == '.' && said[i + 1] == ' ') {
      return said.substr(0, i + 1);
    }
  }
  return said;
}

std::vector<EmbeddedText> find_stories(std::string_view name_or_id, std::string_view protocol) {
  std::vector<EmbeddedText> found;
  const bool is_id = name_or_id.size() > 2 && name_or_id[1] == '-';
  for (const EmbeddedText& story : story_texts()) {
    const bool is_of_protocol = protocol.empty() || story.protocol == protocol;
    if (is_of_protocol && (story.name == name_or_id || (is_id && names(story.text, name_or_id)))) {
      found.push_back(story);
    }
  }
  return found;
}

bool tell_story(const consensus::Protocol& protocol, const EmbeddedText& story,
                const std::function<void(std::string_view)>& print) {
  Telling telling(protocol, print);
  std::istringstream lines{std::string(story.text)};
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with("> ")) {
      telling.command(line.substr(2));
    } else if (!line.starts_with("  ")) {
      telling.comment(line);
    }
  }
  const std::vector<std::string> problems = telling.end();
  for (const std::string& problem : problems) {
    print("VIOLATION " + problem);
  }
  const bool is_own = story.protocol == protocol.name();
  const bool is_different = is_own && replay(protocol, std::string(story.text)).text != story.text;
  print(!problems.empty() ? "a rule was broken"
        : is_different    ? "DIFFERENT from what is recorded"
        : is_own          ? "as recorded, and no rule was broken"
                          : "no rule was broken");
  return problems.empty() && !is_different;
}

}  // namespace quorate::stories
