// Reads: linearizable ones after a round that began later than they came, serializable ones at once.

#include <gtest/gtest.h>

#include "service/cluster_for_test.h"

namespace quorate::service {
namespace {

using test::Asked;
using test::Cluster;
using namespace std::chrono_literals;  // NOLINT(google-build-using-namespace): durations read as words

TEST(Reads, ReadsOfATurnShareARound) {
  Cluster cluster;
  cluster.elect(1);
  cluster.put(1, "a", "1");
  cluster.settle();
  const std::size_t before = cluster.reads.size();
  const Buffer request = codec::encode_request(codec::RangeRequest{.key = "a"});
  for (int i = 0; i < 9; ++i) {
    cluster[2].service->range(request, Instant::max(), AnswerTo());
  }
  Asked& last = cluster.range(2, "a");
  EXPECT_EQ(cluster.reads.size(), before + 1);
  EXPECT_EQ(last.answers, 0);
  cluster.settle();
  ASSERT_TRUE(last.ok());
  EXPECT_EQ(last.answer.revision, 2);
  EXPECT_FALSE(last.answer.body.empty());
}

TEST(Reads, SerializableOnesNeedNoLeader) {
  Cluster cluster;
  EXPECT_TRUE(cluster.range(1, "a", true).ok());
  Asked& linearizable = cluster.range(1, "a");
  cluster.pass(6s);
  EXPECT_EQ(linearizable.answers, 0);
  cluster.pass(2s);
  EXPECT_EQ(linearizable.answer.outcome, Outcome::timed_out);
}

TEST(Reads, DroppedRoundsAreAskedAgainWhenThereIsALeader) {
  Cluster cluster;
  cluster.put(1, "a", "1");
  Asked& read = cluster.range(2, "a");
  cluster.pass(1s);
  EXPECT_EQ(read.answers, 0);
  EXPECT_EQ(cluster.traces.count("service.round_dropped"), 1) << "not before there is one";
  cluster.elect(3);
  cluster.pass(10ms);
  EXPECT_TRUE(read.ok());
}

TEST(Reads, RoundsWithoutAnAnswerAreAskedAgain) {
  Cluster cluster;
  cluster.drops_reads = false;
  cluster.elect(1);
  cluster.has_quorum = false;
  Asked& read = cluster.range(2, "a");
  cluster.pass(400ms);
  cluster.has_quorum = true;
  cluster.pass(50ms);
  EXPECT_EQ(read.answers, 0) << "the answer was lost";
  cluster.pass(200ms);
  EXPECT_TRUE(read.ok());
  EXPECT_EQ(cluster.traces.count("service.round_not_answered"), 1);
}

TEST(Reads, ValuesThatMustBeFetchedAreWaitedFor) {
  Cluster cluster;
  cluster.elect(1);
  cluster.put(1, "a", std::string(1000, 'x'));
  cluster.settle();
  cluster[2].give_to_engine();
  cluster[2].store = nullptr;  // a new store begins without anything in memory
  struct Nobody final : kv::StoreObserver {
    bool wants_reply(const kv::RequestId&) const override { return false; }
    void on_reply(const kv::RequestId&, kv::Reply) override {}
    void on_events(std::int64_t, std::span<const kv::Event>) override {}
    void on_lease_granted(const kv::LeaseInfo&) override {}
    void on_lease_revoked(std::int64_t) override {}
    void on_compacted(std::int64_t) override {}
    void on_replaced(std::int64_t) override {}
  } nobody;
  cluster[2].store = kv::Store::make(GroupId(1), *cluster[2].records, {}, nobody);
  ASSERT_TRUE(cluster[2].store->recover(state::kFirstGeneration).has_value());
  cluster[2].records->behaviour.pending_per_million = 1'000'000;
  cluster[2].records->behaviour.lookup_delay = 10ms;
  cluster[2].restart();
  cluster.elect(1);
  Asked& read = cluster.range(2, "a", true);
  Asked& abandoned = cluster.range(2, "a", true);
  cluster[2].service->abandon(abandoned.ticket);
  EXPECT_EQ(read.answers, 0);
  cluster.pass(100ms);
  ASSERT_TRUE(read.ok());
  EXPECT_GT(read.answer.body.size(), 1000U);
  EXPECT_EQ(abandoned.answers, 0);
  cluster[2].store = nullptr;  // before its observer
}

TEST(Reads, TransactionsGoTheWayOfTheirKind) {
  Cluster cluster;
  cluster.elect(1);
  cluster.settle();
  const auto txn = [&](const std::string& bytes) -> Asked& {
    return cluster.ask(
        [&](AnswerTo to) { return cluster[2].service->txn(Buffer::copy_of(bytes), Instant::max(), to); });
  };
  const std::string put =
      "\x12\x06\x12\x04\x0a\x01"
      "a\x12";  // malformed: a value without a length
  EXPECT_EQ(txn(put).answer.failure, kv::Failure::malformed);
  EXPECT_TRUE(txn("").ok()) << "an empty one is local";
  const std::size_t rounds = cluster.reads.size();
  Asked& read =
      txn(std::string("\x12\x05\x0a\x03\x0a\x01"
                      "a",
                      7));
  EXPECT_EQ(cluster.reads.size(), rounds + 1);
  Asked& write =
      txn(std::string("\x12\x05\x12\x03\x0a\x01"
                      "a",
                      7));
  cluster.pass(100ms);
  EXPECT_TRUE(read.ok());
  EXPECT_TRUE(write.ok());
  EXPECT_EQ(cluster.log.size(), 1U);
  EXPECT_EQ(write.answer.revision, 2);
}

TEST(Reads, BarriersProveWhatTheySay) {
  Cluster cluster;
  Asked& read = cluster.ask([&](AnswerTo to) { return cluster[2].service->barrier_read(Instant::max(), to); });
  Asked& write =
      cluster.ask([&](AnswerTo to) { return cluster[2].service->publish_member(Buffer(), Instant::max(), to); });
  cluster.pass(1s);
  EXPECT_EQ(read.answers + write.answers, 0);
  cluster.elect(1);
  cluster.pass(100ms);
  EXPECT_TRUE(read.ok());
  EXPECT_TRUE(write.ok());
  EXPECT_EQ(cluster.log.size(), 1U);
}

TEST(Reads, HashKvAndAlarmsAreLocal) {
  Cluster cluster;
  const Asked& hash =
      cluster.ask([&](AnswerTo to) { return cluster[2].service->hash_kv(Buffer(), Instant::max(), to); });
  EXPECT_TRUE(hash.ok());
  EXPECT_FALSE(hash.answer.body.empty());
  const Buffer get = codec::encode_request(codec::AlarmRequest{});
  EXPECT_TRUE(cluster.ask([&](AnswerTo to) { return cluster[2].service->alarm(get, Instant::max(), to); }).ok());
}

}  // namespace
}  // namespace quorate::service
