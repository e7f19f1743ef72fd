#include "stories/happening.h"

namespace quorate::stories {

std::string name_of(NodeId node) { return "n" + std::to_string(node.value()); }

std::string_view name_of(consensus::Role role) {
  switch (role) {
    case consensus::Role::follower: return "follower";
    case consensus::Role::pre_candidate: return "pre-candidate";
    case consensus::Role::candidate: return "candidate";
    case consensus::Role::leader: return "leader";
    case consensus::Role::learner: return "learner";
  }
  return "?";
}

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
