// Leases: who may renew, when they expire, and what becomes of them when the leader changes.

#include <gtest/gtest.h>

#include "codec/proto_fields.h"
#include "codec/writer.h"
#include "service/cluster_for_test.h"
#include "service/lease_keeper.h"

namespace quorate::service {
namespace {

using test::Asked;
using test::Cluster;
using test::Dropped;
using namespace std::chrono_literals;  // NOLINT(google-build-using-namespace): durations read as words

std::int64_t field(const Asked& asked, std::uint32_t number) {
  std::int64_t value = 0;
  for (codec::FieldReader fields(asked.answer.body.view()); fields.next();) {
    if (fields.is_varint(number)) {
      value = fields.int64();
    }
  }
  return value;
}
std::int64_t id_of(const Asked& asked) { return field(asked, 2); }
std::int64_t ttl_of(const Asked& asked) { return field(asked, 3); }

Asked& settled(Cluster& cluster, Asked& asked) {
  cluster.settle();
  return asked;
}

TEST(Leases, TheAskedNodeChoosesAnIdIfNoneWasGiven) {
  Cluster cluster;
  cluster.elect(1);
  cluster.settle();
  const Asked& first = settled(cluster, cluster.grant(2, 10));
  const Asked& second = settled(cluster, cluster.grant(3, 10));
  ASSERT_TRUE(first.ok());
  EXPECT_GT(id_of(first), 0);
  EXPECT_GT(id_of(second), 0);
  EXPECT_NE(id_of(first), id_of(second));
  EXPECT_EQ(id_of(settled(cluster, cluster.grant(2, 10, 77))), 77);
}

TEST(Leases, ExpireAfterTheirTimeAndTakeTheirKeys) {
  Cluster cluster;
  cluster.elect(1);
  cluster.settle();
  settled(cluster, cluster.grant(2, 5, 7));
  settled(cluster, cluster.put(1, "a", "1", 7));
  cluster.pass(4900ms);
  EXPECT_EQ(cluster[3].store->leases().size(), 1U);
  cluster.pass(700ms);
  EXPECT_TRUE(cluster[3].store->leases().empty());
  EXPECT_EQ(cluster[3].store->key_count(), 0U);
}

TEST(Leases, KeepAlivesThroughAnyNodeKeepThem) {
  Cluster cluster;
  cluster.elect(1);
  cluster.settle();
  settled(cluster, cluster.grant(2, 5, 7));
  for (int i = 0; i < 10; ++i) {
    cluster.pass(2s);
    const Asked& kept = settled(cluster, cluster.keep_alive(1 + i % 3, 7));
    ASSERT_TRUE(kept.ok());
    EXPECT_EQ(id_of(kept), 7);
    EXPECT_EQ(ttl_of(kept), 5);
    EXPECT_EQ(kept.answer.revision, 1);
  }
  const Asked& left = settled(cluster, cluster.time_to_live(2, 7));
  EXPECT_EQ(ttl_of(left), 4);
  EXPECT_EQ(field(left, 4), 5);
  cluster.pass(6s);
  EXPECT_EQ(ttl_of(settled(cluster, cluster.keep_alive(2, 7))), 0);
  EXPECT_EQ(ttl_of(settled(cluster, cluster.time_to_live(2, 7))), -1);
}

TEST(Leases, AnExpiredOneThatIsBeingRevokedMakesARenewalWait) {
  Cluster cluster;
  cluster.elect(1);
  cluster.settle();
  settled(cluster, cluster.grant(1, 5, 7));
  cluster.commits = false;
  cluster.pass(6s);
  ASSERT_EQ(cluster.log.size(), 2U);
  Asked& late = cluster.keep_alive(1, 7);
  cluster.pass(1s);
  EXPECT_EQ(late.answers, 0);
  EXPECT_EQ(cluster.log.size(), 2U) << "one revocation at a time";
  cluster.commit();
  cluster.pass(200ms);
  ASSERT_TRUE(late.ok());
  EXPECT_EQ(ttl_of(late), 0);
}

TEST(Leases, ANewLeaderGivesThemTheirFullTime) {
  Cluster cluster;
  cluster.elect(1);
  cluster.settle();
  settled(cluster, cluster.grant(1, 5, 7));
  cluster.pass(4s);
  cluster.elect(2);
  cluster.pass(5900ms);
  EXPECT_EQ(cluster[1].store->leases().size(), 1U);
  cluster.pass(800ms);
  EXPECT_TRUE(cluster[1].store->leases().empty());
}

TEST(Leases, ADeposedLeaderKeepsNothingAlive) {
  Cluster cluster;
  cluster.elect(1);
  cluster.settle();
  settled(cluster, cluster.grant(1, 5, 7));
  cluster[1].is_cut_off = true;
  cluster.elect(2);
  Asked& kept = cluster.keep_alive(1, 7);
  cluster.pass(6s);
  EXPECT_EQ(kept.answers, 0);
  cluster.pass(2s);
  EXPECT_NE(kept.answer.outcome, Outcome::ok);
}

TEST(Leases, AKeepAliveWhoseLeaderWasDeposedGoesToTheNext) {
  Cluster cluster;
  cluster.elect(1);
  cluster.settle();
  settled(cluster, cluster.grant(1, 50, 7));
  cluster.has_quorum = false;
  Asked& own = cluster.keep_alive(1, 7);
  Asked& forwarded = cluster.keep_alive(3, 7);
  cluster.pass(300ms);
  EXPECT_EQ(own.answers + forwarded.answers, 0);
  cluster.has_quorum = true;
  cluster.elect(2);
  cluster.pass(1s);
  EXPECT_TRUE(own.ok());
  EXPECT_TRUE(forwarded.ok());
}

TEST(Leases, WithoutALeaderQuestionsFailAsThat) {
  Cluster cluster;
  Asked& kept = cluster.keep_alive(1, 7);
  cluster.pass(8s);
  EXPECT_EQ(kept.answer.outcome, Outcome::no_leader);
}

TEST(Leases, ALostQuestionIsAskedAgain) {
  Cluster cluster;
  cluster.elect(1);
  cluster.settle();
  settled(cluster, cluster.grant(1, 50, 7));
  cluster.copies = 0;
  Asked& kept = cluster.keep_alive(2, 7);
  cluster.pass(100ms);
  cluster.copies = 1;
  cluster.pass(1s);
  EXPECT_TRUE(kept.ok());
}

TEST(Leases, ADroppedRevocationIsTriedAgain) {
  Cluster cluster;
  cluster.elect(1);
  cluster.settle();
  settled(cluster, cluster.grant(1, 5, 7));
  cluster.commits = false;
  cluster.pass(5600ms);
  ASSERT_EQ(cluster.log.size(), 2U);
  cluster.lose_uncommitted(Dropped::Outcome::never);
  cluster.commits = true;
  cluster.pass(600ms);
  EXPECT_TRUE(cluster[2].store->leases().empty());
}

TEST(Leases, ARevocationOfADeposedLeaderIsVoid) {
  Cluster cluster;
  cluster.elect(1);
  cluster.settle();
  settled(cluster, cluster.grant(1, 5, 7));
  cluster.commits = false;
  cluster.pass(5600ms);
  ASSERT_EQ(cluster.log.size(), 2U);
  cluster.log[1].tag = cluster.tag.next();  // placed by a later leader, as a protocol may do with an old value
  cluster.elect(2);
  cluster.commit();
  EXPECT_EQ(cluster[2].store->leases().size(), 1U);
}

// F-P3, E-03: nothing ends early because the node stood still.
TEST(Leases, ANodeThatStoodStillForgivesTheTime) {
  Cluster cluster;
  cluster.elect(1);
  cluster.settle();
  settled(cluster, cluster.grant(1, 5, 7));
  // The process stops for a minute; its timers fire late, before the keep-alive that waits in its socket is read.
  cluster.loop.stand_still(60s);
  cluster.pass(1ms);
  EXPECT_EQ(cluster[1].store->leases().size(), 1U);
  EXPECT_EQ(ttl_of(settled(cluster, cluster.keep_alive(1, 7))), 5);
  cluster.pass(6s);
  EXPECT_TRUE(cluster[1].store->leases().empty());
}

// E-01: one follower gets nothing while the lease expires; when it hears the others again the keys are gone there as
// well.
TEST(Leases, ExpireOnAFollowerThatHeardNothingOfIt) {
  Cluster cluster;
  cluster.elect(1);
  cluster.settle();
  settled(cluster, cluster.grant(1, 5, 7));
  settled(cluster, cluster.put(1, "a", "1", 7));
  cluster[3].is_cut_off = true;
  cluster.pass(6s);
  EXPECT_EQ(cluster[2].store->key_count(), 0U);
  EXPECT_EQ(cluster[3].store->key_count(), 1U) << "it did not hear";
  EXPECT_EQ(cluster[3].store->leases().size(), 1U);
  cluster[3].is_cut_off = false;
  settled(cluster, cluster.put(1, "b", "1"));
  EXPECT_EQ(cluster[3].store->key_count(), 1U) << "b alone";
  EXPECT_TRUE(cluster[3].store->leases().empty());
  EXPECT_EQ(cluster[3].store->revision(), cluster[2].store->revision());
}

/// "Put this key under this lease if nobody has it": how a lock is taken. Or, with a revision, "put this if the lock
/// still is the one that was made then": how what is protected is written.
Asked& put_if(Cluster& cluster, int node, ByteView compared, std::int64_t created, ByteView key, std::int64_t lease) {
  const auto field = [](std::uint32_t number, ByteView bytes) {
    codec::Writer out;
    out.varint(number << 3 | 2U);
    out.sized_bytes(bytes);
    return out.take();
  };
  codec::Writer compare;
  compare.varint(2 << 3);
  compare.varint(1);  // create_revision
  const std::string compare_key = field(3, compared);
  codec::Writer operand;
  operand.varint(5 << 3);
  operand.varint(static_cast<std::uint64_t>(created));
  const Buffer put = codec::encode_request(codec::PutRequest{.key = key, .value = "x", .lease = lease});
  const std::string txn = field(1, compare.take() + compare_key + operand.take()) + field(2, field(2, put.view()));
  return settled(cluster, cluster.ask([&](AnswerTo to) {
    return cluster[node].service->txn(Buffer::copy_of(txn), Instant::max(), to);
  }));
}

// E-06, V-07: who holds a lock stands still for longer than its lease. The next holder's fencing token, the revision at
// which its lock was made, is greater, and what is protected by it no longer takes the first one's.
TEST(Leases, ALockOfWhoStoodStillIsAnothersAndItsTokenIsRefused) {
  Cluster cluster;
  cluster.elect(1);
  cluster.settle();
  settled(cluster, cluster.grant(1, 5, 7));
  const Asked& first = put_if(cluster, 2, "lock", 0, "lock", 7);
  ASSERT_EQ(field(first, 2), 1) << "succeeded";
  const std::int64_t first_token = first.answer.revision;
  EXPECT_EQ(field(put_if(cluster, 2, "lock", first_token, "protected", 0), 2), 1);
  settled(cluster, cluster.grant(1, 60, 8));
  EXPECT_EQ(field(put_if(cluster, 3, "lock", 0, "lock", 8), 2), 0) << "it is held";
  cluster.pass(6s);  // the first holder sends no keep-alive
  const Asked& second = put_if(cluster, 3, "lock", 0, "lock", 8);
  ASSERT_EQ(field(second, 2), 1);
  EXPECT_GT(second.answer.revision, first_token);
  EXPECT_EQ(field(put_if(cluster, 2, "lock", first_token, "protected", 0), 2), 0) << "it goes on where it stood";
  EXPECT_EQ(ttl_of(settled(cluster, cluster.keep_alive(2, 7))), 0) << "and learns that its lease is over";
  EXPECT_EQ(field(put_if(cluster, 3, "lock", second.answer.revision, "protected", 0), 2), 1);
}

// E-09: keys that are put under a lease while its expiry is on its way: before it they go with it, behind it they are
// refused. None is left on any node.
TEST(Leases, NoKeyIsPutUnderAnExpiredLease) {
  Cluster cluster;
  cluster.elect(1);
  cluster.settle();
  settled(cluster, cluster.grant(1, 5, 7));
  cluster.pass(4900ms);
  cluster.commits = false;
  Asked& before = cluster.put(2, "before", "1", 7);
  cluster.pass(1s);
  ASSERT_EQ(cluster.log.size(), 3U) << "grant, put, expiry";
  Asked& behind = cluster.put(3, "behind", "1", 7);
  cluster.settle();
  ASSERT_EQ(cluster.log.size(), 4U);
  cluster.commits = true;
  cluster.commit();
  cluster.pass(10ms);
  EXPECT_TRUE(before.ok());
  EXPECT_EQ(before.answer.failure, kv::Failure::none);
  EXPECT_EQ(behind.answers, 1);
  EXPECT_EQ(behind.answer.failure, kv::Failure::lease_not_found);
  for (int node = 1; node <= 3; ++node) {
    EXPECT_EQ(cluster[node].store->key_count(), 0U) << "node " << node;
    EXPECT_TRUE(cluster[node].store->leases().empty()) << "node " << node;
  }
}

// E-11.
TEST(Leases, ManyExpireInBoundedSteps) {
  ServiceConfig config;
  config.lease_revokes_per_check = 10;
  Cluster cluster(3, config);
  cluster.elect(1);
  cluster.settle();
  for (int i = 1; i <= 35; ++i) {
    settled(cluster, cluster.grant(1, 5, i));
  }
  cluster.commits = false;
  cluster.pass(8s);
  EXPECT_EQ(cluster.log.size(), 45U) << "ten on their way";
  cluster.commits = true;
  cluster.commit();
  cluster.pass(600ms);
  EXPECT_EQ(cluster[1].store->leases().size(), 15U);
  cluster.pass(2s);
  EXPECT_TRUE(cluster[1].store->leases().empty());
}

TEST(Leases, TheListIsLocal) {
  Cluster cluster;
  cluster.elect(1);
  cluster.settle();
  settled(cluster, cluster.grant(1, 50, 7));
  settled(cluster, cluster.grant(1, 5, 8));
  const auto list = [&](int node) {
    return cluster.ask([&](AnswerTo to) { return cluster[node].service->lease_leases(Buffer(), Instant::max(), to); })
        .answer.body;
  };
  EXPECT_EQ(list(1).view(), "\x12\x02\x08\x08\x12\x02\x08\x07") << "by expiry on the leader";
  EXPECT_EQ(list(2).view(), "\x12\x02\x08\x07\x12\x02\x08\x08");
}

TEST(LeaseKeeper, ANewLeaderSpreadsTheExpiriesOfMany) {
  const auto expired_within = [](std::size_t count, Duration passed) {
    std::vector<kv::LeaseInfo> leases;
    for (std::size_t i = 1; i <= count; ++i) {
      leases.push_back({.id = static_cast<std::int64_t>(i), .granted_ttl = 10});
    }
    LeaseKeeper keeper;
    keeper.start(leases, Instant(1h), 1s);
    std::vector<std::int64_t> expired;
    keeper.take_expired(Instant(1h + 11s) + passed, count, expired);
    return expired.size();
  };
  EXPECT_EQ(expired_within(1000, 0s), 1000U) << "not many";
  EXPECT_EQ(expired_within(3000, -1ms), 0U);
  EXPECT_EQ(expired_within(3000, 999ms), 750U);
  EXPECT_EQ(expired_within(3000, 1999ms), 1500U);
  EXPECT_EQ(expired_within(3000, 4s), 3000U);
}

TEST(LeaseKeeper, HoldsALongTimeWithoutOverflow) {
  LeaseKeeper keeper;
  const kv::LeaseInfo longest{.id = 1, .granted_ttl = 9'000'000'000};
  keeper.start({&longest, 1}, Instant(1h), 1s);
  std::vector<std::int64_t> expired;
  keeper.take_expired(Instant(1h + 10000h), 10, expired);
  EXPECT_TRUE(expired.empty());
  EXPECT_GT(keeper.look(1, Instant(1h)).remaining_ttl, 1'000'000'000);
}

}  // namespace
}  // namespace quorate::service
