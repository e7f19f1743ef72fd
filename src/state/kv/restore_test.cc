// A state that arrives as records takes the place of the one that serves.

#include <gtest/gtest.h>

#include "state/kv/store_test_world.h"

namespace quorate::kv {
namespace {

using test::TxnBuilder;
using test::World;

/// A store with something of everything: versions, tombstones, compacted ones, leases, transactions.
void fill(World& world) {
  world.grant(7, 60);
  world.grant(9, 600);
  for (int i = 0; i < 50; ++i) {
    world.put("k" + std::to_string(i % 20), "v" + std::to_string(i), i % 3 == 0 ? 7 : 0);
  }
  world.erase("k3");
  (void)world.run(CommandKind::txn, TxnBuilder().put(true, {.key = "t1", .value = "x"}).put(true, {.key = "t2"}).bytes);
  world.compact(20);
  while (world.store->compact_step(5)) {
  }
  world.put("last", "one");
  world.collect_all();
}

/// Gives `to` all records of `from`, as chunks of a snapshot would, and keeps them as its new generation.
Result<Position> transfer(World& from, World& to, Generation generation, const std::string& without = "") {
  const state::RecordSpace source{GroupId(3), state::kFirstGeneration};
  const state::RecordSpace target{GroupId(3), generation};
  to.store->begin_restore(generation);
  env::RecordBatch batch;
  for (auto cursor = from.records.scan(source.first().view(), source.behind().view()); cursor->valid();
       cursor->next()) {
    const ByteView key = cursor->key().substr(state::kSpaceBytes);
    if (!without.empty() && cursor->value().find(without) != ByteView::npos) {
      continue;
    }
    QUORATE_TRY(to.store->restore(key, cursor->value()));
    batch.put(Buffer::copy_of(std::string(target.first().view()) + std::string(key)), Buffer::copy_of(cursor->value()));
  }
  QUORATE_TRY(to.records.write(std::move(batch)));
  return to.store->finish_restore();
}

TEST(StoreRestore, the_new_state_serves_as_the_source_does) {
  World source;
  fill(source);
  World behind;
  behind.put("old", "state");
  const Result<Position> position = transfer(source, behind, Generation(2));
  ASSERT_TRUE(position.has_value()) << position.error().text;
  EXPECT_EQ(*position, source.store->executed());
  EXPECT_EQ(behind.store->revision(), 2) << "until it is adopted the old state serves";
  EXPECT_EQ(test::to_bytes(behind.range({.key = "old"}).body).empty(), false);
  behind.store->adopt_restored();
  EXPECT_EQ(behind.observer.replaced, std::vector<std::int64_t>{source.store->revision()});
  EXPECT_EQ(behind.store->executed(), source.store->executed());
  EXPECT_EQ(behind.state_hash(), source.state_hash());
  EXPECT_EQ(test::to_bytes(behind.hash_kv(0).body), test::to_bytes(source.hash_kv(0).body));
  EXPECT_EQ(test::to_bytes(behind.range({.key = "k", .range_end = "l"}).body),
            test::to_bytes(source.range({.key = "k", .range_end = "l"}).body));
  EXPECT_EQ(behind.store->lease_keys(7).size(), source.store->lease_keys(7).size());
  EXPECT_EQ(behind.store->size_bytes(), source.store->size_bytes());
}

// What follows goes to the new generation, from which the store starts again.
TEST(StoreRestore, goes_on_in_the_new_generation) {
  World source;
  fill(source);
  World behind;
  behind.put("old", "state");
  ASSERT_TRUE(transfer(source, behind, Generation(2)).has_value());
  behind.store->adopt_restored();
  for (World* world : {&source, &behind}) {
    world->put("k1", "after");
    world->revoke(7);
    world->collect_all();
  }
  EXPECT_EQ(behind.state_hash(), source.state_hash());
  const auto again = Store::make(GroupId(3), behind.records, {}, behind.observer);
  const Result<Position> position = again->recover(Generation(2));
  ASSERT_TRUE(position.has_value()) << position.error().text;
  Hasher hasher;
  again->hash_into(hasher);
  EXPECT_EQ(hasher.value(), source.state_hash());
}

// N-05: what was given up leaves no trace.
TEST(StoreRestore, an_unfinished_one_changes_nothing) {
  World source;
  fill(source);
  World behind;
  behind.put("old", "state");
  const std::uint64_t before = behind.state_hash();
  ASSERT_TRUE(transfer(source, behind, Generation(2)).has_value());
  behind.store->abandon_restore();
  EXPECT_EQ(behind.state_hash(), before);
  behind.put("old", "again");
  behind.collect_all();
  EXPECT_EQ(behind.store->revision(), 3);
  EXPECT_TRUE(behind.observer.replaced.empty());
}

// N-04: the old state is compacted while the new one arrives, which is in the middle of a compaction of its own.
TEST(StoreRestore, compactions_on_both_sides_do_not_meet) {
  World source;
  fill(source);
  World behind;
  for (int i = 0; i < 30; ++i) {
    behind.put("old" + std::to_string(i % 5), "state");
  }
  behind.compact(20);
  EXPECT_TRUE(behind.store->compact_step(1));
  source.compact(40);
  source.collect_all();
  ASSERT_TRUE(transfer(source, behind, Generation(2)).has_value());
  (void)behind.store->compact_step(1);
  behind.collect_all();
  behind.store->adopt_restored();
  while (source.store->compact_step(3)) {
  }
  while (behind.store->compact_step(1)) {
  }
  EXPECT_EQ(behind.state_hash(), source.state_hash());
  EXPECT_EQ(test::to_bytes(behind.hash_kv(0).body), test::to_bytes(source.hash_kv(0).body));
  for (World* world : {&source, &behind}) {
    world->put("k1", "after");
    world->collect_all();
  }
  const auto again = Store::make(GroupId(3), behind.records, {}, behind.observer);
  ASSERT_TRUE(again->recover(Generation(2)).has_value());
  while (again->compact_step(3)) {
  }
  Hasher hasher;
  again->hash_into(hasher);
  EXPECT_EQ(hasher.value(), source.state_hash());
}

TEST(StoreRestore, records_that_make_no_state_are_refused) {
  World source;
  fill(source);
  World behind;
  const Result<Position> hole = transfer(source, behind, Generation(2), "v45");
  ASSERT_FALSE(hole.has_value());
  EXPECT_EQ(hole.error().code, ErrorCode::corrupt);
  EXPECT_NE(hole.error().text.find("is missing"), std::string::npos) << hole.error().text;
  const Result<Position> cut = transfer(source, behind, Generation(3), "last");
  ASSERT_FALSE(cut.has_value());
  EXPECT_NE(cut.error().text.find("is missing"), std::string::npos) << cut.error().text;
  behind.store->begin_restore(Generation(4));
  const Status headless = behind.store->restore(
      "\x02"
      "12345678",
      "12345678");
  ASSERT_FALSE(headless.has_value());
  EXPECT_NE(headless.error().text.find("do not begin"), std::string::npos);
}

}  // namespace
}  // namespace quorate::kv
