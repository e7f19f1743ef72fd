// The parts that a search stands on: renamings, what was said, and which worlds stand for which.

#include <gtest/gtest.h>

#include "consensus/raft/raft.h"
#include "explore/seen.h"
#include "explore/symmetry.h"

namespace quorate::explore {
namespace {

Model raft_model() {
  return {.factory = raft::protocol().cores,
          .bounds = {.name = "tiny", .budget = {.elections = 2, .crashes = 1}, .targets = {}},
          .message_words = nullptr};
}

World after_election_of(Tables& tables, const Model& model, std::uint8_t node) {
  World world = beginning(model);
  bool changed = false;
  EXPECT_EQ(carry_out(tables, {.node = node, .input = {.kind = InputKind::election}}, world, changed), "");
  EXPECT_TRUE(changed);
  return world;
}

TEST(BudgetTest, ComesBackFromItsBits) {
  const Budget budget{
      .elections = 3, .proposals = 15, .crashes = 1, .heartbeats = 2, .reads = 4, .reconfigurations = 5};
  EXPECT_EQ(Budget::unpacked(budget.packed()).packed(), budget.packed());
  EXPECT_EQ(Budget::unpacked(budget.packed()).proposals, 15);
}

TEST(PermutationTest, AllOfThreeAndTheirInverses) {
  const std::vector<Permutation> all = Permutation::all(3);
  ASSERT_EQ(all.size(), 6U);
  EXPECT_EQ(all.front(), Permutation());
  for (const Permutation& one : all) {
    EXPECT_EQ(one.after(one.inverse()), Permutation());
  }
}

TEST(SymmetryTest, WhoeverCampaignsFirstItIsOneWorld) {
  const Model model = raft_model();
  Tables tables(model);
  Symmetry symmetry(tables);
  World first = after_election_of(tables, model, 0);
  symmetry.normalise(first);
  for (std::uint8_t node = 1; node < 3; ++node) {
    World other = after_election_of(tables, model, node);
    symmetry.normalise(other);
    EXPECT_EQ(first.replicas, other.replicas);
    EXPECT_EQ(first.said, other.said);
  }
}

TEST(SaidTest, MoreIsMore) {
  const Model model = raft_model();
  Tables tables(model);
  const World world = after_election_of(tables, model, 0);
  EXPECT_EQ(tables.said.to(world.said[0], 1).size(), 1U) << "one vote is asked of each other node";
  EXPECT_EQ(tables.said.to(world.said[0], 0).size(), 0U);
  EXPECT_TRUE(tables.said.is_part(0, world.said[0]));
  EXPECT_FALSE(tables.said.is_part(world.said[0], 0));
}

TEST(SeenTest, AWorldWithMoreMessagesStandsForOneWithFewer) {
  const Model model = raft_model();
  Tables tables(model);
  World more = after_election_of(tables, model, 0);
  World fewer = more;
  fewer.said[0] = 0;
  Seen seen(tables.said, 3, false);
  EXPECT_TRUE(seen.insert(fewer, 0));
  EXPECT_TRUE(seen.insert(more, 1));
  EXPECT_EQ(seen.covered_by(0), 1U);
  EXPECT_FALSE(seen.insert(fewer, 2));
  EXPECT_FALSE(seen.insert(more, 3));
  Seen all(tables.said, 3, true);
  EXPECT_TRUE(all.insert(more, 0));
  EXPECT_TRUE(all.insert(fewer, 1)) << "without reductions each counts";
}

TEST(ReplicaStepTest, ACrashKeepsAPrefixOfWhatWasNotSynced) {
  Model model = raft_model();
  model.bounds.reduced = false;
  const Replica first = first_life(model, NodeId(1));
  const StepResult campaigns = take_step(model, first, {.kind = InputKind::election}, nullptr, nullptr);
  ASSERT_EQ(campaigns.next.unconfirmed.size(), 1U);
  EXPECT_TRUE(campaigns.sent.empty()) << "the vote is not durable";
  const auto term_after = [&](std::uint32_t kept) {
    const StepInput crash{.kind = InputKind::crash, .argument = kept};
    return take_step(model, campaigns.next, crash, nullptr, nullptr).next.core->status().tag;
  };
  EXPECT_EQ(term_after(0), Tag());
  EXPECT_EQ(term_after(1), Tag(1));
  const StepResult synced = take_step(model, campaigns.next, {.kind = InputKind::confirm}, nullptr, nullptr);
  EXPECT_EQ(synced.sent.size(), 2U);
}

}  // namespace
}  // namespace quorate::explore
