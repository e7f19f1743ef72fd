#include "service/members.h"

#include <gtest/gtest.h>

#include "service/cluster_for_test.h"

namespace quorate::service {
namespace {

using consensus::ReconfigureRefusal;
using test::Asked;
using test::Cluster;
using namespace std::chrono_literals;  // NOLINT(google-build-using-namespace): durations read as words

/// Voters 1, 2, 3, all of which have published themselves; 1 leads.
class MembersTest : public ::testing::Test {
 protected:
  MembersTest() {
    cluster_.elect(1);
    for (int node = 1; node <= 3; ++node) {
      cluster_.ask([&](AnswerTo to) {
        return cluster_[node].service->publish_member(Buffer::copy_of("n"), Instant::max(), to);
      });
    }
    cluster_.settle();
  }

  Asked& ask(int node, MemberChange change) {
    Asked& asked = cluster_.ask(
        [&](AnswerTo to) { return cluster_[node].service->change_members(std::move(change), Instant::max(), to); });
    cluster_.settle();
    return asked;
  }
  static MemberChange add(std::uint64_t node) {
    return {.kind = MemberChange::Kind::add, .node = NodeId(node), .urls = "http://e:1"};
  }

  /// The core of the leader takes the change that it was last asked for into its log.
  consensus::ConfigurationChanged place(std::uint64_t position) {
    const consensus::Reconfigure& wish = leader().changes.back();
    leader().own.membership = wish.target;
    leader().known_contacts = wish.contacts;
    const consensus::ConfigurationChanged change{
        .membership = wish.target, .id = {Position(position), Tag(1)}, .committed = false, .contacts = wish.contacts};
    leader().service->on_configuration_changed(change);
    cluster_.settle();
    return change;
  }
  void commit(consensus::ConfigurationChanged change) {
    change.committed = true;
    leader().service->on_configuration_changed(change);
    cluster_.settle();
  }
  test::Node& leader() { return cluster_[1]; }

  Cluster cluster_;
};

TEST_F(MembersTest, IsAnsweredWhenTheChangeIsCommitted) {
  const Asked& wish = ask(1, add(5));
  ASSERT_EQ(leader().changes.size(), 1U);
  EXPECT_EQ(leader().changes[0].target.learners, std::vector{NodeId(5)});
  const auto change = place(40);
  EXPECT_EQ(wish.answers, 0);
  commit(change);
  ASSERT_TRUE(wish.ok());
  EXPECT_EQ(read_member_answer(wish.answer.body.view()), NodeId(5));
}

TEST_F(MembersTest, AFollowerForwardsItAndTellsTheSame) {
  const Asked& wish = ask(2, add(5));
  ASSERT_EQ(leader().changes.size(), 1U);
  commit(place(40));
  EXPECT_TRUE(wish.ok());
  EXPECT_EQ(ask(3, {.kind = MemberChange::Kind::remove, .node = NodeId(77)}).answer.outcome, Outcome::member_not_found);
}

// M-03: through a follower too.
TEST_F(MembersTest, ASecondChangeWaitsForTheFirst) {
  const Asked& first = ask(1, add(5));
  const Asked& second = ask(2, {.kind = MemberChange::Kind::remove, .node = NodeId(3)});
  EXPECT_EQ(leader().changes.size(), 1U);
  commit(place(40));
  EXPECT_TRUE(first.ok());
  cluster_.pass(100ms);
  ASSERT_EQ(leader().changes.size(), 2U);
  EXPECT_EQ(leader().changes[1].target.voters, (std::vector{NodeId(1), NodeId(2)}));
  EXPECT_EQ(second.answers, 0);
}

TEST_F(MembersTest, WhatTheCoreRefusesForNowIsAskedAgain) {
  ask(1, add(5));
  leader().service->on_reconfiguration_refused(leader().changes[0].context, ReconfigureRefusal::no_own_entry_committed);
  cluster_.pass(100ms);
  EXPECT_EQ(leader().changes.size(), 2U);
}

TEST_F(MembersTest, WhatTheCoreRefusesForGoodIsTold) {
  const Asked& wish = ask(2, add(5));
  leader().service->on_reconfiguration_refused(leader().changes[0].context, ReconfigureRefusal::quorums_do_not_fit);
  cluster_.settle();
  EXPECT_EQ(wish.answer.outcome, Outcome::quorums_do_not_fit);
}

TEST_F(MembersTest, AnAnswerLostWithTheLeaderIsUnknownAndNotAskedAgain) {
  const Asked& wish = ask(2, add(5));
  place(40);
  cluster_.elect(3);
  cluster_.pass(8s);
  EXPECT_EQ(wish.answers, 1);
  EXPECT_TRUE(wish.answer.outcome == Outcome::timed_out || wish.answer.outcome == Outcome::timed_out_leader_lost);
  EXPECT_TRUE(cluster_[3].changes.empty());
}

/// Node 1, which led, was asked by node 2 to remove itself, did, and left without an answer.
TEST_F(MembersTest, WhatALeaderThatLeftDoesNotAnswerIsSeenInTheLog) {
  const Asked& wish = ask(2, {.kind = MemberChange::Kind::remove, .node = NodeId(1)});
  consensus::ConfigurationChanged change = place(40);
  const Asked& nobody = ask(3, {.kind = MemberChange::Kind::remove, .node = NodeId(77)});
  cluster_[1].is_cut_off = true;
  cluster_.elect(3);
  cluster_.pass(100ms);
  EXPECT_EQ(wish.answers, 0) << "it may be replaced still";
  change.committed = true;
  for (const int node : {2, 3}) {
    cluster_[node].service->on_configuration_changed(change);
  }
  cluster_.pass(100ms);
  ASSERT_TRUE(wish.ok());
  EXPECT_EQ(read_member_answer(wish.answer.body.view()), NodeId(1));
  EXPECT_EQ(nobody.answers, 0) << "who was no member before was not removed by anybody";
}

/// The leader's answer overtakes the word of the commit: what would confirm it is asked of nobody who still listens.
TEST_F(MembersTest, WhoRemovesItselfIsToldAlsoIfItHearsOfThatLast) {
  const Asked& wish = ask(2, {.kind = MemberChange::Kind::remove, .node = NodeId(2)});
  consensus::ConfigurationChanged change = place(40);
  change.committed = true;
  leader().service->on_configuration_changed(change);
  cluster_.pass(Cluster::kHop * 2);
  cluster_[2].is_cut_off = true;
  cluster_.pass(100ms);
  EXPECT_EQ(wish.answers, 0) << "it has not executed it";
  cluster_[2].own.membership = change.membership;
  cluster_[2].service->on_configuration_changed(change);
  cluster_.pass(10ms);
  ASSERT_TRUE(wish.ok());
  EXPECT_EQ(read_member_answer(wish.answer.body.view()), NodeId(2));
}

TEST_F(MembersTest, AChangeThatWasCutOffDoesNotStandInTheWayOfTheNextReign) {
  ask(1, add(5));
  place(40);
  cluster_.elect(3);
  leader().own.membership.learners.clear();  // the entry was replaced, and a snapshot hid by what
  cluster_.elect(1);
  const Asked& next = ask(1, add(6));
  ASSERT_EQ(leader().changes.size(), 2U);
  commit(place(50));
  EXPECT_TRUE(next.ok());
}

TEST_F(MembersTest, WhoWasAddedAsAVoterVotesWhenItHasCaughtUp) {
  ask(1, add(5));
  commit(place(40));
  cluster_.pass(1s);
  EXPECT_EQ(leader().changes.size(), 1U) << "it has not started";
  cluster_.ask([&](AnswerTo to) {  // as if node 5 had published itself: 3 stands in for it
    return cluster_[3].service->publish_member(Buffer::copy_of("n5"), Instant::max(), to);
  });
  leader().own.membership.voters = {NodeId(1), NodeId(2)};
  leader().own.membership.learners = {NodeId(3)};
  leader().known_contacts = {{NodeId(3), "http://e:1", true}};
  leader().service->on_configuration_changed(
      {.membership = leader().own.membership, .id = {Position(41), Tag(1)}, .committed = true, .contacts = {}});
  cluster_.pass(1s);
  EXPECT_EQ(leader().changes.size(), 1U) << "it is behind";
  leader().known_progress = {{NodeId(3), Position(1'000'000)}};
  cluster_.pass(1s);
  ASSERT_GE(leader().changes.size(), 2U);
  EXPECT_EQ(leader().changes[1].target.voters, (std::vector{NodeId(1), NodeId(2), NodeId(3)}));
  EXPECT_FALSE(leader().changes[1].contacts[0].will_vote);
}

}  // namespace
}  // namespace quorate::service
