#include "state/kv/store.h"

#include <gtest/gtest.h>

#include "state/kv/store_test_world.h"

namespace quorate::kv {
namespace {

using test::World;

TEST(Store, put_and_get) {
  World world;
  EXPECT_EQ(world.store->revision(), 1);
  EXPECT_EQ(world.put("a", "one").revision, 2);
  EXPECT_EQ(world.put("a", "two").revision, 3);
  const Reply reply = world.range({.key = "a"});
  EXPECT_EQ(reply.revision, 3);
  // kvs { key "a", create 2, mod 3, version 2, value "two" }, count 1
  EXPECT_EQ(test::to_bytes(reply.body), std::string("\x12\x0E\x0A\x01"
                                                    "a\x10\x02\x18\x03\x20\x02\x2A\x03two\x20\x01",
                                                    18));
  const Reply old = world.range({.key = "a", .revision = 2});
  EXPECT_EQ(test::to_bytes(old.body), std::string("\x12\x0E\x0A\x01"
                                                  "a\x10\x02\x18\x02\x20\x01\x2A\x03one\x20\x01",
                                                  18));
  EXPECT_EQ(old.revision, 3);
  EXPECT_EQ(world.range({.key = "b"}).body.size(), 0U);
  ASSERT_EQ(world.observer.events.size(), 2U);
  EXPECT_EQ(world.observer.events[1].previous_revision, 2);
  EXPECT_EQ(world.observer.events[1].value, "two");
}

TEST(Store, delete_makes_a_revision_only_if_something_goes) {
  World world;
  world.put("a", "1");
  world.put("b", "2");
  world.put("c", "3");
  EXPECT_EQ(world.erase("x").revision, 4);
  const Reply reply = world.erase("a", "c");
  EXPECT_EQ(reply.revision, 5);
  EXPECT_EQ(test::to_bytes(reply.body), std::string("\x10\x02", 2));
  EXPECT_EQ(world.store->key_count(), 1U);
  ASSERT_EQ(world.observer.events.size(), 5U);
  EXPECT_EQ(world.observer.events[3].key, "a");
  EXPECT_EQ(world.observer.events[4].key, "b");
  EXPECT_EQ(world.observer.events[4].sub_revision, 1);
  EXPECT_EQ(world.observer.events[4].type, Event::Type::erase);
}

// K-01: records and applied position are one batch.
TEST(Store, recovers_what_was_collected) {
  World world;
  world.grant(7, 30);
  world.put("a", "1", 7);
  world.put("b", "2");
  world.erase("b");
  world.collect_all();
  const std::uint64_t hash = world.state_hash();
  EXPECT_EQ(world.start(), Position(4));
  EXPECT_EQ(world.state_hash(), hash);
  EXPECT_EQ(world.store->revision(), 4);
  ASSERT_EQ(world.store->lease_keys(7).size(), 1U);
  EXPECT_EQ(world.revoke(7).revision, 5);
  EXPECT_EQ(world.store->key_count(), 0U);
}

std::int64_t hash_of(World& world, std::int64_t revision) {
  const Reply reply = world.hash_kv(revision);
  EXPECT_EQ(reply.failure, Failure::none);
  codec::FieldReader field(reply.body.view());
  EXPECT_TRUE(field.next() && field.is_varint(2));
  return field.int64();
}

/// The figures are those that etcd 3.4.23 answers after the same commands.
TEST(Store, hashes_as_etcd_does) {
  World world;
  for (const char* number : {"1", "2", "3", "4", "5"}) {
    world.put(std::string("k") + number, std::string("v") + number);
  }
  EXPECT_EQ(hash_of(world, 0), 8699225);
  world.put("k1", "again");
  world.erase("k2");
  world.put("k2", "back");
  EXPECT_EQ(hash_of(world, 0), 1751626943);
  EXPECT_EQ(hash_of(world, 3), 1282520646);
  test::TxnBuilder txn;
  txn.compare(codec::CompareRequest::mod, codec::CompareRequest::greater, "k1", 0);
  txn.put(true, {.key = "a", .value = "1"}).put(true, {.key = "b", .value = "2"});
  txn.erase(true, {.key = "k3"}).range(true, {.key = "k1"});
  EXPECT_EQ(world.run(CommandKind::txn, txn.bytes).revision, 10);
  EXPECT_EQ(hash_of(world, 0), 743143197);
  world.erase("k5");
  EXPECT_EQ(hash_of(world, 0), 2304576450);
  EXPECT_EQ(world.compact(8).failure, Failure::none);
  EXPECT_EQ(hash_of(world, 0), 3548728814);
  EXPECT_EQ(hash_of(world, 9), 3566248610);
  EXPECT_EQ(world.hash_kv(5).failure, Failure::compacted);
  world.compact(10);
  EXPECT_EQ(hash_of(world, 0), 826642565);
  EXPECT_EQ(hash_of(world, 11), 826642565);
}

}  // namespace
}  // namespace quorate::kv
