// The parts that a search stands on: renamings, mail, turns, and which worlds stand for which.

#include <gtest/gtest.h>

#include "consensus/raft/raft.h"
#include "explore/seen.h"
#include "explore/symmetry.h"
#include "explore/turns.h"

namespace quorate::explore {
namespace {

Model raft_model() {
  return {.protocol = raft::protocol(),
          .bounds = {.name = "tiny", .budget = {.elections = 2, .crashes = 1}, .targets = {}}};
}

World after_election_of(Tables& tables, const Model& model, std::uint8_t node) {
  World world = first_lives(model);
  const Outcome outcome = carry_out(tables, {.node = node, .input = {.kind = InputKind::election}}, world);
  EXPECT_EQ(outcome.violation, "");
  EXPECT_EQ(outcome.change, Outcome::Change::noticed);
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
    EXPECT_EQ(first.mail, other.mail);
  }
}

TEST(MailTest, MoreIsMore) {
  const Model model = raft_model();
  Tables tables(model);
  const World world = after_election_of(tables, model, 0);
  EXPECT_EQ(tables.mail.all(world.mail[1]).size(), 1U) << "one vote is asked of each other node";
  EXPECT_EQ(world.mail[0], 0U);
  EXPECT_TRUE(tables.mail.is_part(0, world.mail[1]));
  EXPECT_FALSE(tables.mail.is_part(world.mail[1], 0));
}

TEST(SeenTest, AWorldWithMoreMessagesStandsForOneWithFewer) {
  const Model model = raft_model();
  Tables tables(model);
  World more = after_election_of(tables, model, 0);
  World fewer = more;
  fewer.mail[1] = 0;
  Seen seen(tables.mail, {.nodes = 3});
  EXPECT_EQ(seen.insert(fewer, {}), 0U);
  EXPECT_EQ(seen.insert(more, {}), 1U);
  EXPECT_FALSE(seen.is_kept(0));
  EXPECT_EQ(seen.insert(fewer, {}), NumberMap::kNone);
  EXPECT_EQ(seen.insert(more, {}), NumberMap::kNone);
  Seen all(tables.mail, {.nodes = 3, .keeps_all = true});
  EXPECT_EQ(all.insert(more, {}), 0U);
  EXPECT_EQ(all.insert(fewer, {}), 1U) << "without reductions each counts";
}

TEST(SeenTest, WhereAShortestHistoryIsWantedALaterWorldStandsForNoEarlierOne) {
  const Model model = raft_model();
  Tables tables(model);
  const World world = after_election_of(tables, model, 0);
  Seen seen(tables.mail, {.nodes = 3, .shortest = true});
  EXPECT_EQ(seen.insert(world, {.events = 5}), 0U);
  EXPECT_EQ(seen.insert(world, {.events = 6}), NumberMap::kNone);
  EXPECT_EQ(seen.insert(world, {.events = 4}), 1U);
  EXPECT_FALSE(seen.is_kept(0));
}

/// Delivers all that node `to` can hear.
void hear_all(Tables& tables, std::uint8_t to, World& world) {
  std::vector<Action> actions;
  list_actions(tables, world, to, actions);
  for (const Action& action : actions) {
    if (action.input.kind == InputKind::deliver) {
      EXPECT_EQ(carry_out(tables, {.node = to, .input = action.input}, world).violation, "");
    }
  }
}

TEST(MailTest, WhatANodeIsDeafToIsNotKept) {
  const Model model = raft_model();
  Tables tables(model);
  World world = after_election_of(tables, model, 0);
  hear_all(tables, 1, world);
  hear_all(tables, 2, world);
  EXPECT_EQ(tables.mail.all(world.mail[0]).size(), 2U) << "two votes";
  const Action again{.node = 0, .input = {.kind = InputKind::election}};
  EXPECT_EQ(carry_out(tables, again, world).change, Outcome::Change::noticed);
  EXPECT_TRUE(tables.mail.all(world.mail[0]).empty()) << "votes of a past term";
}

TEST(TurnsTest, QuietStepsComeWithTheOneThatIsNoticed) {
  Model model = raft_model();
  model.bounds.nodes = 5;
  model.bounds.budget.crashes = 0;  // else its disk may hang before
  Tables tables(model);
  World world = after_election_of(tables, model, 0);
  hear_all(tables, 1, world);
  hear_all(tables, 2, world);
  Turns turns(tables);
  turns.start(world);
  bool is_led = false;
  while (turns.next()) {
    EXPECT_EQ(turns.violation(), "");
    if (tables.steps.replica(turns.end().replicas[0]).role == consensus::Role::leader) {
      is_led = true;
      EXPECT_EQ(turns.length(), 2U) << "one vote alone tells nobody anything";
      EXPECT_EQ(turns.steps().size(), 2U);
    }
  }
  EXPECT_TRUE(is_led);
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
