#include "quorum/quorum.h"

#include <algorithm>
#include <functional>
#include <map>
#include <vector>

#include <gtest/gtest.h>

#include "quorum/tally.h"

namespace quorate::quorum {
namespace {

std::vector<NodeId> nodes(std::initializer_list<std::uint64_t> values) {
  std::vector<NodeId> result;
  for (const std::uint64_t value : values) {
    result.emplace_back(value);
  }
  return result;
}

Position reached(const std::vector<NodeId>& incoming, const std::vector<NodeId>& outgoing,
                 const std::map<std::uint64_t, std::uint64_t>& positions) {
  return reached_by_majority<Position>({incoming, outgoing}, [&](NodeId node) {
    const auto at = positions.find(node.value());
    return at == positions.end() ? Position() : Position(at->second);
  });
}

TEST(quorum, majorities) {
  EXPECT_EQ(majority_of(0), 1U);
  EXPECT_EQ(majority_of(1), 1U);
  EXPECT_EQ(majority_of(2), 2U);
  EXPECT_EQ(majority_of(3), 2U);
  EXPECT_EQ(majority_of(4), 3U);
  EXPECT_EQ(majority_of(5), 3U);
}

TEST(quorum, an_empty_group_decides_nothing) {
  Tally tally;
  EXPECT_EQ(tally.outcome({}), Outcome::lost);
  EXPECT_EQ(reached({}, {}, {{1, 5}}), Position());
}

TEST(quorum, a_vote_is_won_by_a_majority_and_lost_when_none_is_possible) {
  const auto voters = nodes({1, 2, 3});
  Tally tally;
  EXPECT_EQ(tally.outcome({voters, {}}), Outcome::pending);
  EXPECT_TRUE(tally.record(NodeId(1), true));
  EXPECT_EQ(tally.outcome({voters, {}}), Outcome::pending);
  EXPECT_TRUE(tally.record(NodeId(2), false));
  EXPECT_EQ(tally.outcome({voters, {}}), Outcome::pending);
  Tally other = tally;
  EXPECT_TRUE(tally.record(NodeId(3), true));
  EXPECT_EQ(tally.outcome({voters, {}}), Outcome::won);
  EXPECT_TRUE(other.record(NodeId(3), false));
  EXPECT_EQ(other.outcome({voters, {}}), Outcome::lost);
}

TEST(quorum, repeated_and_changed_answers_do_not_count) {
  const auto voters = nodes({1, 2, 3});
  Tally tally;
  EXPECT_TRUE(tally.record(NodeId(2), true));
  EXPECT_FALSE(tally.record(NodeId(2), true));
  EXPECT_EQ(tally.outcome({voters, {}}), Outcome::pending);
  EXPECT_FALSE(tally.record(NodeId(2), false));
  EXPECT_EQ(tally.answer_of(NodeId(2)), Answer::granted);
}

TEST(quorum, strangers_do_not_count) {
  const auto voters = nodes({1, 2, 3});
  Tally tally;
  tally.record(NodeId(1), true);
  tally.record(NodeId(7), true);
  tally.record(NodeId(8), true);
  EXPECT_EQ(tally.outcome({voters, {}}), Outcome::pending);
}

TEST(quorum, a_joint_vote_needs_each_half) {
  const auto incoming = nodes({1, 2, 3});
  const auto outgoing = nodes({3, 4, 5});
  Tally tally;
  tally.record(NodeId(1), true);
  tally.record(NodeId(2), true);
  tally.record(NodeId(4), true);
  EXPECT_EQ(tally.outcome({incoming, outgoing}), Outcome::pending);  // a majority of the union, not of 3,4,5 (M-06)
  Tally lost = tally;
  lost.record(NodeId(5), false);
  lost.record(NodeId(3), false);
  EXPECT_EQ(lost.outcome({incoming, outgoing}), Outcome::lost);
  tally.record(NodeId(3), true);
  EXPECT_EQ(tally.outcome({incoming, outgoing}), Outcome::won);
}

TEST(quorum, unanimity_needs_every_voter_of_both_halves) {
  const auto incoming = nodes({1, 2});
  const auto outgoing = nodes({2, 3});
  Tally tally;
  tally.record(NodeId(1), true);
  tally.record(NodeId(2), true);
  EXPECT_TRUE(tally.is_unanimous({incoming, {}}));
  EXPECT_FALSE(tally.is_unanimous({incoming, outgoing}));
  tally.record(NodeId(3), true);
  EXPECT_TRUE(tally.is_unanimous({incoming, outgoing}));
  EXPECT_FALSE(tally.is_unanimous({}));
}

TEST(quorum, the_position_that_a_majority_has_reached) {
  EXPECT_EQ(reached(nodes({1}), {}, {{1, 7}}), Position(7));
  EXPECT_EQ(reached(nodes({1, 2}), {}, {{1, 7}, {2, 5}}), Position(5));
  EXPECT_EQ(reached(nodes({1, 2, 3}), {}, {{1, 7}, {2, 5}, {3, 4}}), Position(5));
  EXPECT_EQ(reached(nodes({1, 2, 3}), {}, {{1, 7}}), Position());
  EXPECT_EQ(reached(nodes({1, 2, 3, 4}), {}, {{1, 7}, {2, 6}, {3, 5}, {4, 4}}), Position(5));
  EXPECT_EQ(reached(nodes({1, 2, 3, 4, 5}), {}, {{1, 9}, {2, 9}, {3, 5}, {4, 4}, {5, 3}}), Position(5));
}

TEST(quorum, a_joint_position_is_the_lower_of_both_halves) {
  const std::map<std::uint64_t, std::uint64_t> positions = {{1, 9}, {2, 9}, {3, 9}, {4, 2}, {5, 2}};
  EXPECT_EQ(reached(nodes({1, 2, 3}), nodes({3, 4, 5}), positions), Position(2));
  EXPECT_EQ(reached(nodes({3, 4, 5}), nodes({1, 2, 3}), positions), Position(2));
}

// Against the definition: of all values that a majority has reached, none is higher.
TEST(quorum, equals_the_sorted_definition_on_small_groups) {
  for (std::uint64_t code = 0; code < 625; ++code) {
    std::map<std::uint64_t, std::uint64_t> positions;
    std::vector<std::uint64_t> sorted;
    std::uint64_t rest = code;
    for (std::uint64_t node = 1; node <= 4; ++node, rest /= 5) {
      positions[node] = rest % 5;
      sorted.push_back(rest % 5);
    }
    std::ranges::sort(sorted, std::greater<>());
    ASSERT_EQ(reached(nodes({1, 2, 3, 4}), {}, positions), Position(sorted[2])) << code;
  }
}

}  // namespace
}  // namespace quorate::quorum
