// Writes through leader and followers: answered when executed, placed at most once, and told apart when unknown.

#include <gtest/gtest.h>

#include "service/cluster_for_test.h"

namespace quorate::service {
namespace {

using test::Asked;
using test::Cluster;
using test::Dropped;
using namespace std::chrono_literals;  // NOLINT(google-build-using-namespace): durations read as words

TEST(Writes, PutOnTheLeaderIsAnsweredWhenExecutedThere) {
  Cluster cluster;
  cluster.elect(1);
  cluster.commits = false;
  Asked& put = cluster.put(1, "a", "1");
  cluster.settle();
  EXPECT_EQ(put.answers, 0);
  cluster.commit();
  cluster.settle();
  ASSERT_TRUE(put.ok());
  EXPECT_EQ(put.answer.revision, 2);
  EXPECT_EQ(put.answer.term, cluster.tag);
}

TEST(Writes, FollowerForwardsATurnsWritesTogetherAndAnswersWhenItExecuted) {
  Cluster cluster;
  cluster.elect(1);
  cluster.settle();  // greetings
  const std::size_t before = cluster.flights.size();
  cluster[2].executes = false;
  AnswerTo nobody;
  for (int i = 0; i < 10; ++i) {
    cluster[2].service->put(codec::encode_request(codec::PutRequest{.key = "k"}), Instant::max(), nobody);
  }
  Asked& last = cluster.put(2, "b", "1");
  cluster.settle();
  EXPECT_EQ(cluster.flights.size(), before + 1);
  EXPECT_EQ(cluster.log.size(), 11U);
  EXPECT_EQ(cluster[1].store->revision(), 12);
  EXPECT_EQ(last.answers, 0);
  cluster[2].executes = true;
  cluster[2].execute();
  cluster.settle();
  ASSERT_TRUE(last.ok());
  EXPECT_EQ(last.answer.revision, 12);
}

TEST(Writes, AreRefusedWhileExecutionIsFarBehindTheCommits) {
  Cluster cluster(3, {.max_unexecuted_entries = 5});
  cluster.elect(1);
  cluster.settle();
  cluster[2].executes = false;
  for (int i = 0; i < 5; ++i) {
    (void)cluster.put(1, "a", "1");
    cluster.settle();
  }
  Asked& last = cluster.put(2, "a", "2");  // five are behind: it may come
  cluster.settle();
  EXPECT_EQ(last.answers, 0);
  const Asked& refused = cluster.put(2, "a", "3");
  cluster.settle();
  ASSERT_EQ(refused.answers, 1);
  EXPECT_EQ(refused.answer.outcome, Outcome::too_many_requests);
  EXPECT_EQ(cluster.log.size(), 6U);
  cluster[2].executes = true;
  cluster[2].execute();
  Asked& later = cluster.put(2, "a", "4");
  cluster.settle();
  EXPECT_TRUE(last.ok());
  EXPECT_TRUE(later.ok());
}

TEST(Writes, WithoutALeaderTheyWaitForOne) {
  Cluster cluster;
  Asked& put = cluster.put(2, "a", "1");
  cluster.pass(3s);
  EXPECT_EQ(put.answers, 0);
  cluster.elect(1);
  cluster.settle();
  EXPECT_TRUE(put.ok());
  EXPECT_EQ(cluster.log.size(), 1U);
}

TEST(Writes, WithoutALeaderUntilTheDeadlineTheyTimeOut) {
  Cluster cluster;
  Asked& put = cluster.put(2, "a", "1");
  cluster.pass(6900ms);
  EXPECT_EQ(put.answers, 0);
  cluster.pass(200ms);
  ASSERT_EQ(put.answers, 1);
  EXPECT_EQ(put.answer.outcome, Outcome::timed_out);
}

TEST(Writes, ADeadlineOfTheClientComesFirst) {
  Cluster cluster;
  Asked& put = cluster.put(2, "a", "1", 0, cluster.loop.now() + 1s);
  cluster.pass(990ms);
  EXPECT_EQ(put.answers, 0);
  cluster.pass(40ms);
  EXPECT_EQ(put.answers, 1);
}

TEST(Writes, DroppedWithoutEffectTheyArePlacedAgain) {
  Cluster cluster;
  cluster.elect(1);
  cluster.commits = false;
  Asked& put = cluster.put(1, "a", "1");
  cluster.lose_uncommitted(Dropped::Outcome::never);
  cluster.commits = true;
  cluster.elect(2);
  cluster.settle();
  EXPECT_TRUE(put.ok());
  ASSERT_EQ(cluster.log.size(), 1U);
  EXPECT_EQ(cluster.log[0].proposer, NodeId(2));
}

// K-07, K-09.
TEST(Writes, UnknownOnesAreNeverPlacedAgain) {
  Cluster cluster;
  cluster.elect(1);
  cluster.commits = false;
  Asked& put = cluster.put(1, "a", "1");
  cluster.lose_uncommitted(Dropped::Outcome::unknown);
  cluster.commits = true;
  cluster.elect(2);
  cluster.elect(1);
  cluster.pass(6s);
  EXPECT_EQ(put.answers, 0);
  EXPECT_TRUE(cluster.log.empty());
  cluster.pass(2s);
  ASSERT_EQ(put.answers, 1);
  EXPECT_NE(put.answer.outcome, Outcome::ok);
  EXPECT_TRUE(cluster.log.empty());
}

TEST(Writes, UnknownOnesThatAreExecutedAfterAllSucceed) {
  Cluster cluster;
  cluster.elect(1);
  cluster.commits = false;
  Asked& put = cluster.put(1, "a", "1");
  cluster[1].service->on_dropped(cluster.log[0].context, Dropped::Outcome::unknown);
  cluster.elect(2);
  cluster.commit();
  cluster.settle();
  EXPECT_TRUE(put.ok());
  EXPECT_EQ(cluster.traces.count("service.unknown_executed"), 1);
}

TEST(Writes, ForwardedOnesStayUnknownWhenTheLeaderChanges) {
  Cluster cluster;
  cluster.elect(1);
  cluster.settle();
  cluster.commits = false;
  Asked& put = cluster.put(2, "a", "1");
  cluster.settle();
  EXPECT_EQ(cluster.log.size(), 1U);
  cluster.elect(3);
  cluster.pass(1s);
  EXPECT_EQ(cluster.log.size(), 1U) << "not sent to the new leader";
  cluster.commit();
  cluster.settle();
  EXPECT_TRUE(put.ok());
}

// K-08: the origin asks its new leader; nobody forwards what was forwarded to it.
TEST(Writes, ARefusalOfANodeThatDoesNotLeadLetsThemTryAgain) {
  Cluster cluster;
  cluster.elect(1);
  cluster.settle();
  cluster.leader = NodeId(3);
  cluster.announce(cluster[1], NodeId(3));  // node 2 does not know yet
  Asked& put = cluster.put(2, "a", "1");
  cluster.settle();
  EXPECT_EQ(put.answers, 0);
  EXPECT_GE(cluster.traces.count("service.forward_refused"), 1);
  cluster.elect(3);
  cluster.settle();
  EXPECT_TRUE(put.ok());
  EXPECT_EQ(cluster.log.size(), 1U);
}

// a hand-over shall not cost a write the wait until something is tried again.
TEST(Writes, ARefusalOfAFormerLeaderLetsThemAskTheNewOneAtOnce) {
  Cluster cluster;
  cluster.elect(1);
  cluster.settle();
  Asked& put = cluster.put(2, "a", "1");
  cluster.elect(3);  // the write is on its way to node 1
  cluster.settle();
  EXPECT_EQ(cluster.traces.count("service.forward_refused"), 1);
  EXPECT_TRUE(put.ok()) << "within 5 ms";
  EXPECT_EQ(cluster.log.size(), 1U);
}

TEST(Writes, AWriteThatTheLeadersCoreDropsIsRefusedToItsOrigin) {
  Cluster cluster;
  cluster.elect(1);
  cluster.settle();
  cluster.commits = false;
  Asked& put = cluster.put(2, "a", "1");
  cluster.settle();
  cluster.lose_uncommitted(Dropped::Outcome::never);
  cluster.commits = true;
  cluster.pass(200ms);
  EXPECT_TRUE(put.ok());
  EXPECT_EQ(cluster.log.size(), 1U);
}

// K-07.
TEST(Writes, RepeatedMessagesPlaceNothingTwice) {
  Cluster cluster;
  cluster.copies = 3;
  cluster.elect(1);
  cluster.settle();
  for (int i = 0; i < 20; ++i) {
    cluster.put(2, "a", std::to_string(i));
  }
  cluster.pass(1s);
  EXPECT_EQ(cluster.log.size(), 20U);
  EXPECT_GT(cluster.traces.count("service.message_repeated"), 10);
  for (const auto& asked : cluster.asked) {
    EXPECT_TRUE(asked->ok());
  }
}

TEST(Writes, AMessageForAnEarlierLifeOfTheLeaderIsNotTaken) {
  Cluster cluster;
  cluster.elect(1);
  cluster.settle();
  Asked& put = cluster.put(2, "a", "1");
  const std::size_t forwarded = cluster.flights.size() - 1;
  cluster.settle();
  EXPECT_TRUE(put.ok());
  cluster[1].restart();
  cluster.elect(1);
  cluster.deliver(forwarded);
  cluster.settle();
  EXPECT_EQ(cluster.log.size(), 1U);
  EXPECT_EQ(cluster.traces.count("service.message_to_earlier_life"), 1);
  EXPECT_TRUE(cluster.put(2, "b", "1").answers == 0);
  cluster.settle();
  EXPECT_TRUE(cluster.asked.back()->ok());
}

TEST(Writes, WhatTheLinkDidNotTakeIsSentLater) {
  Cluster cluster;
  cluster.elect(1);
  cluster.settle();
  cluster.broken = {{NodeId(2), NodeId(1)}};
  Asked& put = cluster.put(2, "a", "1");
  cluster.pass(1s);
  EXPECT_EQ(put.answers, 0);
  cluster.broken.clear();
  cluster.pass(200ms);
  EXPECT_TRUE(put.ok());
}

TEST(Writes, PushedBackTheyWaitForRoom) {
  Cluster cluster;
  cluster.elect(1);
  cluster.settle();
  cluster[1].pushes_back = true;
  Asked& own = cluster.put(1, "a", "1");
  Asked& forwarded = cluster.put(2, "b", "1");
  cluster.pass(1s);
  EXPECT_EQ(own.answers + forwarded.answers, 0);
  cluster[1].pushes_back = false;
  cluster.pass(200ms);
  EXPECT_TRUE(own.ok());
  EXPECT_TRUE(forwarded.ok());
  cluster[1].pushes_back = true;
  Asked& refused = cluster.put(1, "a", "2");
  cluster.pass(8s);
  EXPECT_EQ(refused.answer.outcome, Outcome::too_many_requests);
}

// K-09.
TEST(Writes, TimeOutsTellWhatIsKnown) {
  Cluster cluster;
  cluster.elect(1);
  cluster.commits = false;
  cluster.pass(10s);
  Asked& plain = cluster.put(1, "a", "1");
  cluster.pass(8s);
  EXPECT_EQ(plain.answer.outcome, Outcome::timed_out);

  Asked& lost = cluster.put(1, "a", "1");
  cluster.pass(1s);
  cluster.elect(2);
  cluster.pass(8s);
  EXPECT_EQ(lost.answer.outcome, Outcome::timed_out_leader_lost);

  Asked& link = cluster.put(1, "a", "1");
  cluster.pass(1s);
  cluster[1].service->on_peer_down(NodeId(2));
  cluster.pass(8s);
  EXPECT_EQ(link.answer.outcome, Outcome::timed_out_connection);
}

TEST(Writes, QueuesAndRequestsAreBounded) {
  ServiceConfig config;
  config.max_pending_requests = 3;
  config.max_request_bytes = 100;
  Cluster cluster(3, config);
  for (int i = 0; i < 4; ++i) {
    cluster.put(1, "a", "1");
  }
  EXPECT_EQ(cluster.asked[2]->answers, 0);
  EXPECT_EQ(cluster.asked[3]->answer.outcome, Outcome::too_many_requests);
  cluster.elect(1);
  cluster.settle();
  EXPECT_TRUE(cluster.asked[2]->ok());
  EXPECT_EQ(cluster.put(1, "a", std::string(100, 'x')).answer.outcome, Outcome::request_too_large);
}

TEST(Writes, InvalidOnesAreRefusedAtOnce) {
  Cluster cluster;
  const Asked& put = cluster.put(1, "", "1");
  EXPECT_EQ(put.answer.outcome, Outcome::failed);
  EXPECT_EQ(put.answer.failure, kv::Failure::empty_key);
}

// K-11.
TEST(Writes, AFullStoreRaisesTheAlarmAndTakesWhatDoesNotGrow) {
  ServiceConfig config;
  config.quota_bytes = 4000;
  Cluster cluster(3, config);
  cluster.elect(1);
  cluster.settle();
  bool full = false;
  for (int i = 0; i < 40 && !full; ++i) {
    const Asked& put = cluster.put(2, "k" + std::to_string(i), std::string(100, 'x'));
    cluster.settle();
    full = put.answer.outcome == Outcome::no_space;
  }
  ASSERT_TRUE(full);
  cluster.settle();
  EXPECT_EQ(cluster[3].store->alarms().size(), 1U);
  EXPECT_EQ(cluster[3].store->alarms()[0].member, 2U);
  EXPECT_EQ(cluster.put(1, "small", "").answer.outcome, Outcome::no_space) << "on every node";
  const Asked& erased = cluster.ask([&](AnswerTo to) {
    return cluster[2].service->delete_range(codec::encode_request(codec::DeleteRangeRequest{.key = "k1"}),
                                            Instant::max(), to);
  });
  cluster.settle();
  EXPECT_TRUE(erased.ok());
  const codec::AlarmRequest disarm{.action = codec::AlarmRequest::deactivate, .member = 2, .alarm = 1};
  cluster.ask(
      [&](AnswerTo to) { return cluster[1].service->alarm(codec::encode_request(disarm), Instant::max(), to); });
  cluster.settle();
  EXPECT_TRUE(cluster.asked.back()->ok());
  EXPECT_TRUE(cluster[3].store->alarms().empty());
}

TEST(Writes, AbandonedOnesAreNotAnswered) {
  Cluster cluster;
  cluster.elect(1);
  Asked& put = cluster.put(1, "a", "1");
  cluster[1].service->abandon(put.ticket);
  Asked& refused = cluster.ask([&](AnswerTo to) {
    const Ticket ticket = cluster[1].service->put(Buffer(), Instant::max(), to);
    cluster[1].service->abandon(ticket);
    return ticket;
  });
  cluster.settle();
  EXPECT_EQ(put.answers, 0);
  EXPECT_EQ(refused.answers, 0);
  EXPECT_EQ(cluster[1].store->revision(), 2) << "it happened all the same";
}

TEST(Writes, PhysicalCompactionIsAnsweredAfterTheRemoval) {
  Cluster cluster;
  cluster.elect(1);
  for (int i = 0; i < 5; ++i) {
    cluster.put(1, "a", "1");
    cluster.settle();
  }
  cluster.pass(1s);
  const codec::CompactionRequest request{.revision = 4, .physical = true};
  Asked& compacted = cluster.ask(
      [&](AnswerTo to) { return cluster[1].service->compact(codec::encode_request(request), Instant::max(), to); });
  cluster.settle();
  EXPECT_EQ(cluster[1].store->compact_revision(), 4);
  EXPECT_EQ(compacted.answers, 0);
  cluster.pass(1s);
  EXPECT_TRUE(compacted.ok());
}

// O-08.
TEST(Writes, ShuttingDownAnswersEverything) {
  Cluster cluster;
  Asked& put = cluster.put(1, "a", "1");
  Asked& range = cluster.range(1, "a");
  cluster[1].service->shut_down();
  EXPECT_EQ(put.answer.outcome, Outcome::stopped);
  EXPECT_EQ(range.answer.outcome, Outcome::stopped);
  EXPECT_EQ(cluster.put(1, "a", "1").answer.outcome, Outcome::stopped);
  cluster.pass(10s);
  EXPECT_EQ(put.answers, 1);
}

}  // namespace
}  // namespace quorate::service
