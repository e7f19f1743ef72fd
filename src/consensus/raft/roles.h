#pragma once
// Who may become what, and why: the one table of a replica's changes of role. A replica begins as a follower, or as a
// learner if it has no vote.
//
// Invariants: 1. RaftCore makes no change of role that is not here (asserted in change_role()). 2. every row has been
// seen to happen, and no other (roles_test.cc, src/protocols/raft_roles_seen_test.cc). The README's diagram is drawn
// from it.

#include <algorithm>
#include <array>
#include <compare>
#include <cstdint>
#include <string_view>

#include "consensus/contract/effect.h"

namespace quorate::raft {

enum class RoleCause : std::uint8_t {
  silence,
  would_be_elected,
  would_not_be_elected,
  handed_over,
  elected,
  leader_heard,
  higher_campaign,
  higher_message,
  higher_snapshot,
  no_quorum,
  vote_lost,
  members_changed,
  members_changed_back,
  members_of_snapshot,
};

/// For a person.
[[nodiscard]] constexpr std::string_view words_of(RoleCause cause) {
  switch (cause) {
    case RoleCause::silence: return "no word from a leader";
    case RoleCause::would_be_elected: return "a majority would vote for it";
    case RoleCause::would_not_be_elected: return "the others would not vote for it";
    case RoleCause::handed_over: return "the leader handed over";
    case RoleCause::elected: return "elected by a majority";
    case RoleCause::leader_heard: return "heard from the leader of the term";
    case RoleCause::higher_campaign: return "another node campaigns in a higher term";
    case RoleCause::higher_message: return "a message of a higher term";
    case RoleCause::higher_snapshot: return "a snapshot of a higher term";
    case RoleCause::no_quorum: return "no majority answered within the election time-out";
    case RoleCause::vote_lost: return "it is no longer a voter";
    case RoleCause::members_changed: return "the membership changed";
    case RoleCause::members_changed_back: return "the membership changed back";
    case RoleCause::members_of_snapshot: return "the snapshot brought another membership";
  }
  return "?";
}

struct RoleTransition {
  consensus::Role from = consensus::Role::follower;
  consensus::Role to = consensus::Role::follower;
  RoleCause cause = RoleCause::silence;
  friend constexpr auto operator<=>(const RoleTransition&, const RoleTransition&) = default;
};

/// Without pre-vote, and for a sole voter, a follower is a candidate at once; a candidate whose vote was split asks
/// anew.
inline constexpr auto kRoleTransitions = [] {
  using enum consensus::Role;
  using enum RoleCause;
  return std::to_array<RoleTransition>({
      {follower, pre_candidate, silence},
      {follower, candidate, would_be_elected},
      {follower, candidate, handed_over},
      {follower, learner, vote_lost},
      {follower, learner, members_changed},
      {follower, learner, members_changed_back},
      {follower, learner, members_of_snapshot},
      {pre_candidate, follower, would_not_be_elected},
      {pre_candidate, follower, leader_heard},
      {pre_candidate, follower, higher_campaign},
      {pre_candidate, follower, higher_message},
      {pre_candidate, follower, higher_snapshot},
      {pre_candidate, follower, members_of_snapshot},
      {pre_candidate, candidate, would_be_elected},
      {pre_candidate, learner, vote_lost},
      {pre_candidate, learner, members_of_snapshot},
      {candidate, follower, leader_heard},
      {candidate, follower, higher_campaign},
      {candidate, follower, higher_message},
      {candidate, follower, higher_snapshot},
      {candidate, follower, members_of_snapshot},
      {candidate, pre_candidate, silence},
      {candidate, leader, elected},
      {candidate, learner, vote_lost},
      {candidate, learner, members_of_snapshot},
      {leader, follower, higher_campaign},
      {leader, follower, higher_message},
      {leader, follower, no_quorum},
      {leader, learner, higher_campaign},
      {leader, learner, higher_message},
      {leader, learner, no_quorum},
      {leader, learner, vote_lost},
      {learner, follower, members_changed},
      {learner, follower, members_changed_back},
      {learner, follower, members_of_snapshot},
  });
}();

/// True if a replica ever goes from `from` to `to`; staying what it is (under another leader) is always possible.
[[nodiscard]] constexpr bool is_role_transition(consensus::Role from, consensus::Role to) {
  return from == to || std::ranges::any_of(kRoleTransitions,
                                           [&](const RoleTransition& one) { return one.from == from && one.to == to; });
}

}  // namespace quorate::raft
