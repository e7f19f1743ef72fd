#include "consensus/contract/entry.h"

#include <algorithm>

namespace quorate::consensus {
namespace {

bool sorted_contains(const std::vector<NodeId>& nodes, NodeId node) {
  return std::binary_search(nodes.begin(), nodes.end(), node);
}

}  // namespace

bool Membership::is_voter(NodeId node) const {
  return sorted_contains(voters, node) || sorted_contains(outgoing_voters, node);
}

bool Membership::contains(NodeId node) const { return is_voter(node) || sorted_contains(learners, node); }

std::vector<NodeId> Membership::all_nodes() const {
  std::vector<NodeId> nodes = voters;
  nodes.insert(nodes.end(), outgoing_voters.begin(), outgoing_voters.end());
  nodes.insert(nodes.end(), learners.begin(), learners.end());
  std::sort(nodes.begin(), nodes.end());
  nodes.erase(std::unique(nodes.begin(), nodes.end()), nodes.end());
  return nodes;
}

}  // namespace quorate::consensus
