// Quorum sizes of the two phases that do not share a voter are refused (P-12).

#include <gtest/gtest.h>

#include "consensus/multipaxos/multipaxos.h"

namespace quorate::multipaxos {
namespace {

std::unique_ptr<consensus::Core> make(std::size_t voters, std::uint32_t phase_1, std::uint32_t phase_2) {
  consensus::CoreConfig config;
  config.self = NodeId(1);
  config.incarnation = Incarnation(1);
  config.quorum_sizes = {phase_1, phase_2};
  for (std::uint64_t node = 1; node <= voters; ++node) {
    config.initial_membership.voters.emplace_back(node);
  }
  return protocol().cores.make(config, {});
}

TEST(multipaxos_quorums, must_share_a_voter) {
  EXPECT_NE(make(5, 0, 0), nullptr);
  EXPECT_NE(make(5, 4, 2), nullptr);
  EXPECT_NE(make(5, 5, 1), nullptr);
  EXPECT_DEATH((void)make(5, 3, 2), "share a voter");
  EXPECT_DEATH((void)make(5, 0, 2), "share a voter");
  EXPECT_DEATH((void)make(5, 6, 2), "share a voter");
}

/// Who joins learns from the log who votes.
TEST(multipaxos_quorums, are_not_asked_of_who_knows_no_voters) {
  EXPECT_EQ(make(0, 0, 0)->status().role, consensus::Role::learner);
  EXPECT_EQ(make(0, 4, 2)->status().role, consensus::Role::learner);
}

}  // namespace
}  // namespace quorate::multipaxos
