#include "consensus/contract/links.h"

#include <algorithm>

namespace quorate::consensus {

bool Links::on_up(const PeerUp& input) {
  Link& link = link_of(input.node);
  const bool is_new_life = input.incarnation > link.incarnation && !link.incarnation.is_none();
  link.is_up = true;
  link.incarnation = std::max(link.incarnation, input.incarnation);
  return is_new_life;
}

bool Links::on_down(const PeerDown& input) {
  Link& link = link_of(input.node);
  if (input.incarnation < link.incarnation) {
    return false;
  }
  link.is_up = false;
  return true;
}

bool Links::is_up(NodeId node) const {
  const Link* link = find(node);
  return link != nullptr && link->is_up;
}

bool Links::is_down(NodeId node) const {
  const Link* link = find(node);
  return link != nullptr && !link->is_up;
}

std::vector<NodeId> Links::up() const {
  std::vector<NodeId> nodes;
  for (const Link& link : links_) {
    if (link.is_up) {
      nodes.push_back(link.node);
    }
  }
  return nodes;
}

void Links::hash_into(Hasher& hasher) const {
  for (const Link& link : links_) {
    hasher.add(link.node);
    hasher.add(link.incarnation);
    hasher.add(std::uint64_t{link.is_up});
  }
}

Links::Link& Links::link_of(NodeId node) {
  const auto at = std::ranges::lower_bound(links_, node, {}, &Link::node);
  if (at != links_.end() && at->node == node) {
    return *at;
  }
  return *links_.insert(at, Link{.node = node});
}

const Links::Link* Links::find(NodeId node) const {
  const auto at = std::ranges::lower_bound(links_, node, {}, &Link::node);
  return at != links_.end() && at->node == node ? &*at : nullptr;
}

}  // namespace quorate::consensus
