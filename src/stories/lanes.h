#pragma once
// Draws what happens as one lane per node, from top to bottom, with the words beside it:
//
//   n1    n2    n3
//   #     |     |     n1 -> n2 n3: append in term 1 after 1@1, commit 1: 2@1 x<-1
//   o----->     |     n2 gets from n1: append in term 1 after 1@1, commit 1: 2@1 x<-1
//         *     |     n2 writes: 2@1 x<-1
//
// Invariants: 1. a lane shows the role that its node has at that line; a node that is down has none. 2. what is sent to
// several nodes at once is one line. 3. lines come in the order of what happened; flush() before reading the last one.
// Owned by who tells; `print` gets each line without line end.

#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "stories/happening.h"

namespace quorate::stories {

class Lanes {
 public:
  using Print = std::function<void(std::string_view line)>;

  Lanes(std::vector<NodeId> nodes, Print print);

  /// The nodes' names, for orientation.
  void draw_header();
  /// What the marks of the lanes mean.
  void draw_legend();
  /// `when` stands before the lanes; as wide in every call.
  void draw(const Happening& happening, std::string_view when = {});
  /// Takes over the role or the end of a node, without a line.
  void note(const Happening& happening);
  /// A line without lanes: the story's own words.
  void say(std::string_view words);
  void flush();

 private:
  [[nodiscard]] std::string lanes() const;
  [[nodiscard]] std::size_t column_of(NodeId node) const;
  [[nodiscard]] std::string arrow(NodeId from, NodeId to, bool arrives) const;
  [[nodiscard]] std::string marked(NodeId node, char mark) const;

  std::vector<NodeId> nodes_;
  std::map<NodeId, char> marks_;  ///< of the roles; none while a node is down
  Print print_;
  struct {
    std::vector<Happening> sends;  ///< equal but for whom they go to
    std::string when;
  } waiting_;
};

}  // namespace quorate::stories
