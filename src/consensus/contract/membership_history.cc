#include "consensus/contract/membership_history.h"

#include <utility>

#include "base/assert.h"

namespace quorate::consensus {

const MembershipHistory::Version& MembershipHistory::at(Position position) const {
  for (std::size_t i = versions_.size() - 1; i > 0; --i) {
    if (versions_[i].id.position <= position) {
      return versions_[i];
    }
  }
  return versions_.front();
}

void MembershipHistory::add(Membership membership, EntryId id) {
  QUORATE_ASSERT(id.position > latest().id.position, "memberships are added at the log's end", id.position,
                 latest().id.position);
  versions_.push_back({std::move(membership), id});
}

bool MembershipHistory::truncate_from(Position position) {
  const std::size_t before = versions_.size();
  while (versions_.size() > 1 && versions_.back().id.position >= position) {
    versions_.pop_back();
  }
  return versions_.size() != before;
}

void MembershipHistory::discard_below(Position position) {
  while (versions_.size() > 1 && versions_[1].id.position <= position) {
    versions_.erase(versions_.begin());
  }
}

void MembershipHistory::hash_into(Hasher& hasher) const {
  for (const Version& version : versions_) {
    hasher.add(version.id.position);
    hasher.add(version.id.tag);
    for (const auto* nodes :
         {&version.membership.voters, &version.membership.outgoing_voters, &version.membership.learners}) {
      hasher.add(nodes->size());
      for (const NodeId node : *nodes) {
        hasher.add(node);
      }
    }
  }
}

}  // namespace quorate::consensus
