#pragma once
// What a core knows of its links to other nodes: hints for elections and catching up, never proofs.
//
// Invariants: 1. sorted by node. 2. a node's incarnation never goes back. Owned by a core.

#include <vector>

#include "base/hash.h"
#include "consensus/contract/input.h"

namespace quorate::consensus {

class Links {
 public:
  /// True: the node was known before, and has forgotten everything volatile since.
  bool on_up(const PeerUp& input);
  /// False: it was the link of an earlier life, which says nothing.
  bool on_down(const PeerDown& input);

  [[nodiscard]] bool is_up(NodeId node) const;
  /// Was told to be gone; of a node that nothing was ever told of, false.
  [[nodiscard]] bool is_down(NodeId node) const;
  /// Those that are up, rising.
  [[nodiscard]] std::vector<NodeId> up() const;

  void hash_into(Hasher& hasher) const;

 private:
  struct Link {
    NodeId node;
    Incarnation incarnation;
    bool is_up = false;
  };
  [[nodiscard]] Link& link_of(NodeId node);
  [[nodiscard]] const Link* find(NodeId node) const;

  std::vector<Link> links_;
};

}  // namespace quorate::consensus
