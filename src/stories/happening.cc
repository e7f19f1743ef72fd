#include "stories/happening.h"

namespace quorate::stories {

std::string name_of(NodeId node) { return "n" + std::to_string(node.value()); }

std::string line_of(const Happening& happening) {
  switch (happening.kind) {
    case Happening::Kind::sent:
    case Happening::Kind::lost:
      return name_of(happening.node) + " -> " + name_of(happening.other) + ": " + happening.text;
    case Happening::Kind::arrived:
      return name_of(happening.node) + " gets from " + name_of(happening.other) + ": " + happening.text;
    case Happening::Kind::branched: return name_of(happening.node) + "   " + happening.text;
    default: return happening.node.is_none() ? happening.text : name_of(happening.node) + " " + happening.text;
  }
}

}  // namespace quorate::stories
