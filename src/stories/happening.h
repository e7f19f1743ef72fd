#pragma once
// One thing that happened to a node, in words, with what is needed to draw it in the node's lane.
//
// The words of all kinds of story are these: transcripts print line_of(), lanes draw it (lanes.h). A value.

#include <cstdint>
#include <string>

#include "base/ids.h"
#include "consensus/contract/effect.h"

namespace quorate::stories {

struct Happening {
  enum class Kind : std::uint8_t {
    sent,      ///< `node` sends `other` a message
    lost,      ///< the same, but it never arrives
    arrived,   ///< a message at `node`, from `other`
    missed,    ///< the same, but `node` is down
    wrote,     ///< `node` gives a write to its disk
    durable,   ///< a write of `node` is on its disk for good
    role,      ///< `node` goes over to `role`, and why
    branched,  ///< `node` took a branch of the protocol
    began,     ///< a life of `node`, with what its disk holds
    ended,     ///< a life of `node`, with what its disk keeps
    said,      ///< anything else of `node`, or of the world where there is no node
  };
  Kind kind = Kind::said;
  NodeId node;
  NodeId other;
  consensus::Role role = consensus::Role::follower;
  std::string text;  ///< without the names of nodes that stand in the fields
};

[[nodiscard]] std::string name_of(NodeId node);

/// One line without line end: "n1 -> n2: vote granted in term 2", "n2 writes: term 2 vote n1".
[[nodiscard]] std::string line_of(const Happening& happening);

}  // namespace quorate::stories
