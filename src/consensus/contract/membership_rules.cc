#include "consensus/contract/membership_rules.h"

#include <algorithm>
#include <iterator>

#include "consensus/contract/membership_codec.h"

namespace quorate::consensus {
namespace {

bool is_sorted_set(const std::vector<NodeId>& nodes) {
  return nodes.size() <= kMaxMembers &&
         std::ranges::adjacent_find(nodes, std::ranges::greater_equal()) == nodes.end() &&
         (nodes.empty() || !nodes.front().is_none());
}

}  // namespace

bool is_valid_target(const Membership& target) {
  std::vector<NodeId> both;
  std::ranges::set_intersection(target.voters, target.learners, std::back_inserter(both));
  return !target.voters.empty() && !target.is_joint() && is_sorted_set(target.voters) &&
         is_sorted_set(target.learners) && both.empty();
}

std::size_t voters_changed(const Membership& from, const Membership& to) {
  std::vector<NodeId> changed;
  std::ranges::set_symmetric_difference(from.voters, to.voters, std::back_inserter(changed));
  return changed.size();
}

}  // namespace quorate::consensus
