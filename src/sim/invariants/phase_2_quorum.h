#pragma once
// Whether those who say yes are enough to decide: of the members in force, of both halves while two memberships vote.
//
// Written apart from the cores' own counting, so that one bug does not hide in both.

#include <algorithm>

#include "consensus/contract/core.h"
#include "quorum/phase_sizes.h"

namespace quorate::sim {

template <class Says>
[[nodiscard]] bool is_phase_2_quorum(const consensus::Membership& members, const quorum::PhaseSizes& sizes,
                                     const Says& says_yes) {
  const auto enough_of = [&](const std::vector<NodeId>& voters) {
    const auto yes = static_cast<std::size_t>(std::ranges::count_if(voters, says_yes));
    return yes >= sizes.phase_2_of(voters.size());
  };
  return enough_of(members.voters) && (members.outgoing_voters.empty() || enough_of(members.outgoing_voters));
}

}  // namespace quorate::sim
