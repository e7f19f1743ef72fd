#include "service/member_plan.h"

#include <set>

#include <gtest/gtest.h>

namespace quorate::service {
namespace {

using Kind = MemberChange::Kind;

/// A leader's view of voters 1, 2, 3 and the learner 9, all started and linked, everything committed everywhere.
class MemberPlanTest : public ::testing::Test {
 protected:
  MemberPlanTest() {
    view_ = {
        .membership = {.voters = {NodeId(1), NodeId(2), NodeId(3)}, .outgoing_voters = {}, .learners = {NodeId(9)}},
        .commit = Position(1000),
        .contacts = {{NodeId(1), "http://a:1"},
                     {NodeId(2), "http://b:1"},
                     {NodeId(3), "http://c:1,http://c:2"},
                     {NodeId(9), "http://i:1"}},
        .progress = {{NodeId(2), Position(1000)}, {NodeId(3), Position(1000)}, {NodeId(9), Position(1000)}},
        .has_started = [this](NodeId node) { return !not_started_.contains(node); },
        .is_linked = [this](NodeId node) { return !cut_off_.contains(node); }};
  }

  MemberPlan plan(const MemberChange& change) { return plan_member_change(change, view_); }
  Outcome refusal(const MemberChange& change) { return plan(change).refusal; }
  void be_alone() {
    view_.membership = {.voters = {NodeId(1)}, .outgoing_voters = {}, .learners = {}};
    view_.progress.clear();
  }

  static MemberChange add(std::uint64_t node, const char* urls) {
    return {.kind = Kind::add, .node = NodeId(node), .urls = urls};
  }
  static MemberChange of(Kind kind, std::uint64_t node) { return {.kind = kind, .node = NodeId(node)}; }

  std::set<NodeId> not_started_;
  std::set<NodeId> cut_off_;
  MemberView view_;
};

TEST_F(MemberPlanTest, AVoterIsAddedAsALearnerThatWillVote) {
  const MemberPlan next = plan(add(5, "http://e:1"));
  EXPECT_EQ(next.refusal, Outcome::ok);
  EXPECT_EQ(next.target.voters, (std::vector{NodeId(1), NodeId(2), NodeId(3)}));
  EXPECT_EQ(next.target.learners, (std::vector{NodeId(5), NodeId(9)}));
  ASSERT_EQ(next.contacts.size(), 5U);
  EXPECT_EQ(next.contacts[3], (consensus::Contact{NodeId(5), "http://e:1", true}));
  view_.membership = next.target;
  view_.contacts = next.contacts;
  view_.progress.push_back({NodeId(5), Position(1000)});
  EXPECT_FALSE(plan(of(Kind::promote, 5)).contacts[3].will_vote) << "it votes now";
}

TEST_F(MemberPlanTest, AskedTwiceItChangesNothing) {
  EXPECT_EQ(plan(add(2, "http://b:1")).target, view_.membership);
  EXPECT_EQ(refusal(add(2, "http://b:1")), Outcome::ok);
}

TEST_F(MemberPlanTest, RefusesAUrlThatAnotherMemberHas) {
  EXPECT_EQ(refusal(add(5, "http://e:1,http://c:2")), Outcome::peer_url_exists);
  EXPECT_EQ(refusal({.kind = Kind::update, .node = NodeId(2), .urls = "http://a:1"}), Outcome::peer_url_exists);
  EXPECT_EQ(refusal({.kind = Kind::update, .node = NodeId(2), .urls = "http://b:1"}), Outcome::ok) << "its own";
}

// M-13.
TEST_F(MemberPlanTest, AVoterMayBeAddedWhileOneIsDown) {
  cut_off_ = {NodeId(3)};
  EXPECT_EQ(refusal(add(5, "http://e:1")), Outcome::ok);
  EXPECT_EQ(refusal(of(Kind::promote, 9)), Outcome::ok) << "three of four decide";
  cut_off_ = {NodeId(3), NodeId(9)};
  EXPECT_EQ(refusal(of(Kind::promote, 9)), Outcome::unhealthy_cluster);
  cut_off_ = {NodeId(2), NodeId(3)};
  EXPECT_EQ(refusal(add(5, "http://e:1")), Outcome::unhealthy_cluster);
}

TEST_F(MemberPlanTest, AVoterIsAddedOnlyIfEnoughOthersHaveStarted) {
  not_started_ = {NodeId(3)};
  EXPECT_EQ(refusal(add(5, "http://e:1")), Outcome::not_enough_started);
}

TEST_F(MemberPlanTest, AClusterOfOneMayGrow) {
  be_alone();
  EXPECT_EQ(refusal(add(5, "http://e:1")), Outcome::ok);
  view_.membership.learners.emplace_back(5);
  view_.contacts.insert(view_.contacts.begin() + 3, {NodeId(5), "http://e:1", true});
  not_started_ = {NodeId(5)};
  cut_off_ = {NodeId(5)};
  EXPECT_EQ(refusal(add(6, "http://f:1")), Outcome::not_enough_started) << "not before the second one has started";
}

TEST_F(MemberPlanTest, LearnersAreLimitedAsTheRequestSays) {
  MemberChange learner{.kind = Kind::add_learner, .node = NodeId(5), .max_learners = 1, .urls = "http://e:1"};
  EXPECT_EQ(refusal(learner), Outcome::too_many_learners);
  learner.max_learners = 0;
  EXPECT_EQ(plan(learner).target.learners, (std::vector{NodeId(5), NodeId(9)}));
}

TEST_F(MemberPlanTest, RemovesAVoterOnlyIfTheOthersCanDecide) {
  EXPECT_EQ(plan(of(Kind::remove, 2)).target.voters, (std::vector{NodeId(1), NodeId(3)}));
  EXPECT_EQ(refusal(of(Kind::remove, 7)), Outcome::member_not_found);
  cut_off_ = {NodeId(3)};
  EXPECT_EQ(refusal(of(Kind::remove, 2)), Outcome::unhealthy_cluster);
  EXPECT_EQ(refusal(of(Kind::remove, 3)), Outcome::ok) << "who is not reachable may go";
  not_started_ = {NodeId(3)};
  EXPECT_EQ(refusal(of(Kind::remove, 2)), Outcome::not_enough_started);
  EXPECT_EQ(refusal(of(Kind::remove, 9)), Outcome::ok) << "a learner may always go";
}

TEST_F(MemberPlanTest, TheLastVoterStays) {
  be_alone();
  EXPECT_EQ(refusal(of(Kind::remove, 1)), Outcome::not_enough_started);
}

TEST_F(MemberPlanTest, PromotesALearnerThatHasCaughtUp) {
  const MemberPlan next = plan(of(Kind::promote, 9));
  EXPECT_EQ(next.target.voters.back(), NodeId(9));
  EXPECT_TRUE(next.target.learners.empty());
  EXPECT_EQ(refusal(of(Kind::promote, 2)), Outcome::not_a_learner);
  EXPECT_EQ(refusal(of(Kind::promote, 7)), Outcome::member_not_found);
  view_.progress.back().match = Position(899);
  EXPECT_EQ(refusal(of(Kind::promote, 9)), Outcome::learner_not_ready);
  view_.progress.back().match = Position(900);
  EXPECT_EQ(refusal(of(Kind::promote, 9)), Outcome::ok);
}

// P-12.
TEST_F(MemberPlanTest, QuorumSizesMustFitWhoeverVotes) {
  view_.quorum_sizes = {.phase_1 = 3, .phase_2 = 1};
  EXPECT_EQ(refusal(add(5, "http://e:1")), Outcome::quorums_do_not_fit) << "of four, three and one need not meet";
  EXPECT_EQ(refusal(of(Kind::promote, 9)), Outcome::quorums_do_not_fit);
  EXPECT_EQ(refusal(of(Kind::remove, 2)), Outcome::quorums_do_not_fit) << "of two there are no three";
  EXPECT_EQ(refusal({.kind = Kind::set, .voters = {NodeId(1), NodeId(9)}}), Outcome::quorums_do_not_fit);
  EXPECT_EQ(refusal({.kind = Kind::set, .voters = {NodeId(1), NodeId(2), NodeId(9)}}), Outcome::ok);
  EXPECT_EQ(refusal({.kind = Kind::add_learner, .node = NodeId(5), .urls = "http://e:1"}), Outcome::ok);
  EXPECT_EQ(refusal(of(Kind::remove, 9)), Outcome::ok) << "a learner does not vote";
  view_.quorum_sizes = {.phase_1 = 3, .phase_2 = 2};
  EXPECT_EQ(refusal(add(5, "http://e:1")), Outcome::ok);
  view_.contacts.back().will_vote = true;
  EXPECT_EQ(refusal(add(5, "http://e:1")), Outcome::quorums_do_not_fit) << "the learner will vote, too";
}

TEST_F(MemberPlanTest, TheLargerQuorumMustBeLeft) {
  view_.membership.voters = {NodeId(1), NodeId(2), NodeId(3), NodeId(4), NodeId(5)};
  view_.quorum_sizes = {.phase_1 = 4, .phase_2 = 2};
  cut_off_ = {NodeId(5)};
  EXPECT_EQ(refusal(of(Kind::remove, 4)), Outcome::unhealthy_cluster) << "three of four could not elect a leader";
  EXPECT_EQ(refusal(of(Kind::remove, 5)), Outcome::ok);
  view_.quorum_sizes = {.phase_1 = 2, .phase_2 = 4};
  EXPECT_EQ(refusal(of(Kind::remove, 4)), Outcome::unhealthy_cluster) << "nor decide";
  view_.quorum_sizes = {};
  EXPECT_EQ(refusal(of(Kind::remove, 4)), Outcome::ok);
  not_started_ = {NodeId(5)};
  view_.quorum_sizes = {.phase_1 = 4, .phase_2 = 2};
  EXPECT_EQ(refusal(of(Kind::remove, 4)), Outcome::not_enough_started);
}

TEST_F(MemberPlanTest, SetExchangesVotersAtOnce) {
  const MemberPlan next = plan({.kind = Kind::set, .voters = {NodeId(1), NodeId(9)}});
  EXPECT_EQ(next.refusal, Outcome::ok);
  EXPECT_EQ(next.target.voters, (std::vector{NodeId(1), NodeId(9)}));
  EXPECT_TRUE(next.target.learners.empty());
  EXPECT_EQ(refusal({.kind = Kind::set, .voters = {NodeId(7)}}), Outcome::member_not_found);
  cut_off_ = {NodeId(9)};
  EXPECT_EQ(refusal({.kind = Kind::set, .voters = {NodeId(1), NodeId(9)}}), Outcome::unhealthy_cluster);
}

TEST(member_change, reads_back_what_it_wrote) {
  for (const MemberChange& change :
       {MemberChange{
            .kind = Kind::add_learner, .node = NodeId(~0ULL), .max_learners = 3, .urls = "http://a:1,http://b:2"},
        MemberChange{.kind = Kind::set, .voters = {NodeId(1), NodeId(300)}},
        MemberChange{.kind = Kind::remove, .node = NodeId(4)}}) {
    const Buffer bytes = encode_member_change(change);
    EXPECT_EQ(decode_member_change(bytes.view()), change);
    for (std::size_t size = 0; size < bytes.size(); ++size) {
      EXPECT_FALSE(decode_member_change(bytes.view().substr(0, size)));
    }
  }
}

TEST(member_change, refuses_what_no_front_end_would_ask) {
  EXPECT_FALSE(decode_member_change(encode_member_change({.kind = Kind::remove}).view())) << "nobody";
  EXPECT_FALSE(decode_member_change(encode_member_change({.kind = Kind::add, .node = NodeId(1)}).view())) << "no urls";
  EXPECT_FALSE(decode_member_change(encode_member_change({.kind = Kind::add, .urls = "a b"}).view())) << "a space";
  EXPECT_FALSE(decode_member_change(encode_member_change({.kind = Kind::set}).view())) << "nobody votes";
  EXPECT_FALSE(
      decode_member_change(encode_member_change({.kind = Kind::set, .voters = {NodeId(2), NodeId(1)}}).view()));
}

}  // namespace
}  // namespace quorate::service
