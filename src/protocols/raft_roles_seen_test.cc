// The changes of role that runs of the simulator show, and raft's table of them.

#include <algorithm>
#include <set>

#include <gtest/gtest.h>

#include "consensus/raft/raft.h"
#include "consensus/raft/roles.h"
#include "sim/run.h"
#include "stories/happening.h"

namespace quorate::raft {
namespace {

constexpr std::uint64_t kRuns = 60;

std::string words(const sim::RoleChange& change) {
  return std::string(name_of(change.from)) + " -> " + std::string(name_of(change.to)) + ": " + std::string(change.why);
}

TEST(RolesSeenTest, AreThoseOfTheTable) {
  std::set<sim::RoleChange> table;
  for (const RoleTransition& one : kRoleTransitions) {
    table.insert({one.from, one.to, words_of(one.cause)});
  }
  std::set<sim::RoleChange> seen;
  for (std::uint64_t seed = 1; seed <= kRuns; ++seed) {
    const sim::RunResult result = sim::run(sim::default_settings(seed, protocol().cores));
    seen.insert(result.role_changes.begin(), result.role_changes.end());
  }
  for (const sim::RoleChange& change : seen) {
    EXPECT_TRUE(table.contains(change)) << words(change);
  }
  // What needs no change of membership, no snapshot of a higher term or other members, and no leader of a higher term
  // that this candidate was not asked about, happens in so many runs.
  using enum consensus::Role;
  for (const sim::RoleChange& change : table) {
    const bool is_rare = change.from == learner || change.to == learner ||
                         change.why.find("snapshot") != std::string::npos ||
                         (change.from == candidate && change.why == words_of(RoleCause::higher_message));
    const bool needs_no_pre_vote =
        change.from == follower && change.to == candidate && change.why != words_of(RoleCause::handed_over);
    EXPECT_TRUE(is_rare || needs_no_pre_vote || seen.contains(change)) << "not seen: " << words(change);
  }
}

}  // namespace
}  // namespace quorate::raft
