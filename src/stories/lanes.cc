#include "stories/lanes.h"

#include <algorithm>
#include <utility>

namespace quorate::stories {

namespace {

constexpr std::size_t kLaneWidth = 6;

char mark_of(consensus::Role role) {
  switch (role) {
    case consensus::Role::follower: return '|';
    case consensus::Role::pre_candidate: return '?';
    case consensus::Role::candidate: return '!';
    case consensus::Role::leader: return '#';
    case consensus::Role::learner: return ':';
  }
  return ' ';
}

}  // namespace

Lanes::Lanes(std::vector<NodeId> nodes, Print print) : nodes_(std::move(nodes)), print_(std::move(print)) {}

void Lanes::draw_header() {
  flush();
  std::string line;
  for (const NodeId node : nodes_) {
    std::string name = name_of(node);
    name.resize(kLaneWidth, ' ');
    line += name;
  }
  line.erase(line.find_last_not_of(' ') + 1);
  print_(line);
}

void Lanes::draw_legend() {
  flush();
  print_("lanes: | follower, ? pre-candidate, ! candidate, # leader, : learner; empty: down");
  print_("marks: o---> a message that arrives, o--x one that is lost, * something happens at the node");
}

void Lanes::note(const Happening& happening) {
  switch (happening.kind) {
    case Happening::Kind::began: marks_[happening.node] = mark_of(consensus::Role::follower); break;
    case Happening::Kind::ended: marks_.erase(happening.node); break;
    case Happening::Kind::role: marks_[happening.node] = mark_of(happening.role); break;
    default: break;
  }
}

void Lanes::draw(const Happening& happening, std::string_view when) {
  using Kind = Happening::Kind;
  const auto& sends = waiting_.sends;
  const bool joins = !sends.empty() && happening.kind == Kind::sent && sends.front().node == happening.node &&
                     sends.front().text == happening.text && waiting_.when == when;
  if (!joins) {
    flush();
  }
  note(happening);
  if (happening.kind == Kind::sent) {
    waiting_.sends.push_back(happening);
    waiting_.when = when;
    return;
  }
  std::string drawn;
  switch (happening.kind) {
    case Kind::lost: drawn = arrow(happening.node, happening.other, false); break;
    case Kind::missed: drawn = arrow(happening.other, happening.node, false); break;
    case Kind::arrived: drawn = arrow(happening.other, happening.node, true); break;
    case Kind::branched: drawn = lanes(); break;
    case Kind::role: drawn = marked(happening.node, mark_of(happening.role)); break;
    default: drawn = marked(happening.node, '*');
  }
  print_(std::string(when) + drawn + line_of(happening));
}

void Lanes::flush() {
  const std::vector<Happening> sends = std::exchange(waiting_.sends, {});
  if (sends.empty()) {
    return;
  }
  std::string to;
  for (const Happening& send : sends) {
    to += (to.empty() ? "" : " ") + name_of(send.other);
  }
  print_(waiting_.when + marked(sends.front().node, 'o') + name_of(sends.front().node) + " -> " + to + ": " +
         sends.front().text);
}

void Lanes::say(std::string_view words) {
  flush();
  print_(words);
}

std::string Lanes::lanes() const {
  std::string line(nodes_.size() * kLaneWidth, ' ');
  for (std::size_t i = 0; i < nodes_.size(); ++i) {
    if (const auto mark = marks_.find(nodes_[i]); mark != marks_.end()) {
      line[i * kLaneWidth] = mark->second;
    }
  }
  return line;
}

std::size_t Lanes::column_of(NodeId node) const {
  const auto at = std::ranges::find(nodes_, node);
  return static_cast<std::size_t>(at - nodes_.begin()) * kLaneWidth;
}

std::string Lanes::marked(NodeId node, char mark) const {
  std::string line = lanes();
  if (const std::size_t column = column_of(node); column < line.size()) {
    line[column] = mark;
  }
  return line;
}

std::string Lanes::arrow(NodeId from, NodeId to, bool arrives) const {
  std::string line = lanes();
  const std::size_t begin = column_of(from);
  const std::size_t end = column_of(to);
  if (begin >= line.size() || end >= line.size()) {
    return line;
  }
  for (std::size_t i = std::min(begin, end) + 1; i < std::max(begin, end); ++i) {
    line[i] = line[i] == ' ' ? '-' : '+';
  }
  line[begin] = 'o';
  line[end] = !arrives ? 'x' : begin < end ? '>' : '<';
  return line;
}

}  // namespace quorate::stories
