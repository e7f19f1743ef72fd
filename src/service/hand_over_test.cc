#include "service/hand_over.h"

#include <gtest/gtest.h>

#include "service/cluster_for_test.h"

namespace quorate::service {
namespace {

using test::Asked;
using test::Cluster;
using namespace std::chrono_literals;  // NOLINT(google-build-using-namespace): durations read as words

Asked& move_leader(Cluster& cluster, int node, std::uint64_t to, Instant deadline = Instant::max()) {
  return cluster.ask([&](AnswerTo whom) { return cluster[node].service->move_leader(NodeId(to), deadline, whom); });
}

//
TEST(HandOver, IsAnsweredWhenTheTargetLeads) {
  Cluster cluster;
  cluster.elect(1);
  const Asked& wish = move_leader(cluster, 1, 2);
  EXPECT_EQ(wish.answers, 0);
  EXPECT_EQ(cluster[1].transfers, std::vector<NodeId>{NodeId(2)});
  cluster.elect(0);
  EXPECT_EQ(wish.answers, 0) << "nobody leads yet";
  cluster.elect(2);
  EXPECT_TRUE(wish.ok());
  cluster.elect(1);
  cluster.elect(2);
  EXPECT_EQ(wish.answers, 1);
}

TEST(HandOver, ToAnotherThanTheTargetIsNoSuccess) {
  Cluster cluster;
  cluster.elect(1);
  const Asked& wish = move_leader(cluster, 1, 2);
  cluster.elect(3);
  EXPECT_EQ(wish.answers, 0);
  cluster.pass(8s);
  EXPECT_EQ(wish.answer.outcome, Outcome::timed_out_transfer);
}

TEST(HandOver, OnlyALeaderHandsOverAndOnlyToAVoter) {
  Cluster cluster;
  cluster.elect(1);
  EXPECT_EQ(move_leader(cluster, 2, 3).answer.outcome, Outcome::not_leader);
  EXPECT_EQ(move_leader(cluster, 1, 9).answer.outcome, Outcome::bad_transferee);
  EXPECT_TRUE(move_leader(cluster, 1, 1).ok()) << "it leads already";
  EXPECT_TRUE(cluster[1].transfers.empty());
}

TEST(HandOver, AShutDownEndsTheWait) {
  Cluster cluster;
  cluster.elect(1);
  const Asked& wish = move_leader(cluster, 1, 2);
  cluster[1].service->shut_down();
  EXPECT_EQ(wish.answer.outcome, Outcome::stopped);
  EXPECT_EQ(move_leader(cluster, 1, 2).answer.outcome, Outcome::stopped);
}

}  // namespace
}  // namespace quorate::service
