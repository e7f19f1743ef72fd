// The failures that real systems had (by their ids) and the store's promises, one test each.
#include <gtest/gtest.h>

#include "codec/etcd_reply.h"
#include "state/kv/store_test_world.h"

namespace quorate::kv {
namespace {

using test::TxnBuilder;
using test::World;

const ByteView kAll("\0", 1);

std::string value_of(World& world, ByteView key) {
  const Reply reply = world.range({.key = key});
  codec::FieldReader field(reply.body.view());
  codec::KeyValue kv;
  if (!field.next() || !field.is_bytes(2) || !codec::read_key_value(field.bytes(), kv)) {
    return "(none)";
  }
  return std::string(kv.value);
}

// K-04: a transaction that fails half-way changes nothing.
TEST(StoreScenario, a_transaction_with_one_bad_operation_changes_nothing) {
  World world;
  world.put("a", "1");
  const std::uint64_t hash = world.state_hash();
  const auto expect_nothing = [&](const TxnBuilder& txn, Failure failure) {
    world.store->skip(world.store->executed().next());
    const Reply reply = world.run(CommandKind::txn, txn.bytes);
    EXPECT_EQ(reply.failure, failure);
    EXPECT_EQ(reply.revision, 2);
    EXPECT_EQ(world.store->revision(), 2);
    EXPECT_EQ(value_of(world, "a"), "1");
    EXPECT_EQ(world.observer.events.size(), 1U);
  };
  expect_nothing(TxnBuilder().put(true, {.key = "a", .value = "2"}).put(true, {.key = "b", .lease = 9}),
                 Failure::lease_not_found);
  expect_nothing(TxnBuilder().put(true, {.key = "a", .value = "2"}).put(true, {.key = "b", .ignore_value = true}),
                 Failure::key_not_found);
  expect_nothing(TxnBuilder().put(true, {.key = "a", .value = "2"}).range(true, {.key = "b", .revision = 99}),
                 Failure::future_revision);
  expect_nothing(TxnBuilder().put(true, {.key = "a", .value = "2"}).op(true, 1, "\x0A"), Failure::malformed);
  EXPECT_NE(world.state_hash(), hash);  // only the positions went on
}

// K-06: hostile numbers get one answer everywhere.
TEST(StoreScenario, hostile_numbers) {
  World world;
  world.put("a", "1");
  EXPECT_EQ(world.grant(-7, -100).failure, Failure::none);
  LeaseInfo lease;
  ASSERT_TRUE(world.store->find_lease(-7, lease));
  EXPECT_EQ(lease.granted_ttl, 2);
  EXPECT_EQ(world.grant(0, 10).failure, Failure::lease_not_found);
  EXPECT_EQ(world.grant(8, 9'000'000'001).failure, Failure::lease_ttl_too_large);
  EXPECT_EQ(world.grant(8, 9'000'000'000).failure, Failure::none);
  EXPECT_EQ(world.grant(8, 5).failure, Failure::lease_exists);
  EXPECT_EQ(world.put("a", "x", INT64_MIN).failure, Failure::lease_not_found);
  EXPECT_EQ(world.compact(-1).failure, Failure::compacted);
  EXPECT_EQ(world.compact(INT64_MAX).failure, Failure::future_revision);
  EXPECT_EQ(world.range({.key = "a", .limit = INT64_MIN, .revision = INT64_MIN}).failure, Failure::none);
  EXPECT_EQ(world.range({.key = "a", .range_end = "b", .limit = INT64_MAX}).failure, Failure::none);
  EXPECT_EQ(world.range({.key = "a", .range_end = "b", .limit = INT64_MAX, .sort_order = 2}).failure, Failure::none);
  EXPECT_EQ(world.range({.key = "a", .revision = INT64_MAX}).failure, Failure::future_revision);
  EXPECT_EQ(world.hash_kv(INT64_MIN).failure, Failure::none);
  EXPECT_EQ(world.hash_kv(INT64_MAX).failure, Failure::future_revision);
  EXPECT_EQ(world.range({.key = "b", .range_end = "a"}).body.size(), 0U);
  EXPECT_EQ(world.compact(0).failure, Failure::none);  // once
  EXPECT_EQ(world.compact(0).failure, Failure::compacted);
  EXPECT_EQ(world.run(CommandKind::put, "\x0A").failure, Failure::malformed);
  EXPECT_EQ(world.store->revision(), 2);
}

// W-02: a compaction exactly at a deletion keeps it for a watch that begins there.
TEST(StoreScenario, a_deletion_at_the_compacted_revision_is_still_told) {
  World world;
  world.put("a", "1");
  world.put("b", "1");
  world.erase("a");
  EXPECT_EQ(world.compact(4).failure, Failure::none);
  while (world.store->compact_step(10)) {
  }
  const HistoryPage page = world.store->history(4, "a", {}, 10, {});
  ASSERT_EQ(page.events.size(), 1U);
  EXPECT_EQ(page.events[0].type, Event::Type::erase);
  EXPECT_EQ(page.events[0].previous_revision, 0);  // compacted
  EXPECT_EQ(page.next_revision, 5);
  world.put("c", "1");
  world.compact(5);
  while (world.store->compact_step(10)) {
  }
  world.collect_all();
  EXPECT_EQ(world.records.record_count(), 3U);  // b, c and meta
}

// K-03: a transaction that reads at an explicit revision, compacted or not, has the same outcome on every replica:
// whatever each has in memory, in its engine, and of the compaction already done.
TEST(StoreScenario, a_read_at_a_revision_inside_a_transaction_is_the_same_everywhere) {
  const auto fill = [](World& world) {
    for (int i = 2; i <= 9; ++i) {
      world.put("a", std::to_string(i));
    }
    EXPECT_EQ(world.compact(6).failure, Failure::none);
  };
  World in_memory;
  fill(in_memory);
  World compacted;
  fill(compacted);
  while (compacted.store->compact_step(10)) {
  }
  World restarted({.recent_bytes = 0, .cache_bytes = 0});
  fill(restarted);
  restarted.collect_all();
  restarted.start();
  restarted.records.pending_percent = 100;
  for (std::int64_t revision = 0; revision <= 12; ++revision) {
    SCOPED_TRACE(revision);
    TxnBuilder txn;
    txn.put(true, {.key = "b", .value = "x"}).range(true, {.key = "a", .revision = revision});
    const Reply expected = in_memory.run(CommandKind::txn, txn.bytes);
    EXPECT_EQ(expected.failure, revision > 0 && revision < 6                 ? Failure::compacted
                                : revision > in_memory.store->revision() + 1 ? Failure::future_revision
                                                                             : Failure::none)
        << static_cast<int>(expected.failure);
    for (World* other : {&compacted, &restarted}) {
      const Reply reply = other->run(CommandKind::txn, txn.bytes);
      EXPECT_EQ(reply.failure, expected.failure);
      EXPECT_EQ(reply.revision, expected.revision);
      EXPECT_EQ(test::to_bytes(reply.body), test::to_bytes(expected.body));
      EXPECT_EQ(other->state_hash(), in_memory.state_hash());
    }
  }
}

// N-07: after a crash the engine has some prefix of what was executed, at the boundary of any entry; replaying the rest
// gives the state that was, versions, leases and all, and no half of a transaction is ever there.
TEST(StoreScenario, replaying_over_what_the_engine_has_changes_nothing) {
  std::vector<Buffer> commands;
  const auto add = [&commands](CommandKind kind, const Buffer& request) {
    commands.push_back(World::command(kind, request.view()));
  };
  for (std::int64_t i = 1; i <= 6; ++i) {
    add(CommandKind::lease_grant, codec::encode_request(codec::LeaseGrantRequest{.ttl = 60, .id = i}));
    add(CommandKind::put, codec::encode_request(codec::PutRequest{.key = "a", .value = "v", .lease = i}));
    TxnBuilder txn;
    txn.put(true, {.key = "t1", .value = std::to_string(i)}).put(true, {.key = "t2", .value = std::to_string(i)});
    commands.push_back(World::command(CommandKind::txn, txn.bytes));
    add(CommandKind::delete_range, codec::encode_request(codec::DeleteRangeRequest{.key = i % 2 == 0 ? "a" : "z"}));
    if (i % 3 == 0) {
      add(CommandKind::lease_revoke, codec::encode_request(codec::LeaseRevokeRequest{.id = i}));
      add(CommandKind::compact, codec::encode_request(codec::CompactionRequest{.revision = 2 * i}));
    }
  }
  const auto execute = [&commands](World& world, std::size_t to) {
    while (world.store->executed().value() < to) {
      const Position next = world.store->executed().next();
      world.execute_at({next, Tag(4)}, commands[next.value() - 1]);
    }
  };
  World whole;
  std::vector<std::uint64_t> hashes = {whole.state_hash()};
  for (std::size_t i = 1; i <= commands.size(); ++i) {
    execute(whole, i);
    hashes.push_back(whole.state_hash());
  }
  for (std::size_t given = 0; given <= commands.size(); ++given) {
    for (const std::size_t executed : {given, std::min(given + 3, commands.size()), commands.size()}) {
      SCOPED_TRACE("the engine has " + std::to_string(given) + " of " + std::to_string(executed));
      World world;
      execute(world, executed);
      world.collect(Position(given));
      EXPECT_EQ(world.start(), Position(given));
      EXPECT_EQ(world.state_hash(), hashes[given]);
      EXPECT_EQ(value_of(world, "t1"), value_of(world, "t2"));
      execute(world, commands.size());
      EXPECT_EQ(world.state_hash(), hashes.back());
    }
  }
}

// E-04: a leader that was stuck revokes a lease in a term that is over.
TEST(StoreScenario, an_expiry_counts_only_in_the_term_that_saw_it) {
  World world;
  world.grant(5, 10);
  world.put("a", "1", 5);
  EXPECT_EQ(world.revoke(5, Tag(3)).failure, Failure::lease_not_found);  // entries of the tests have tag 4
  EXPECT_EQ(world.store->key_count(), 1U);
  EXPECT_TRUE(world.observer.revoked.empty());
  EXPECT_EQ(world.revoke(5, Tag(4)).failure, Failure::none);
  EXPECT_EQ(world.store->key_count(), 0U);
  EXPECT_EQ(world.observer.revoked, std::vector<std::int64_t>({5}));
}

TEST(StoreScenario, a_lease_takes_its_keys_in_ascending_order_in_one_revision) {
  World world;
  world.grant(5, 10);
  for (const char* key : {"d", "a", "c", "b"}) {
    world.put(key, "1", 5);
  }
  world.put("b", "2");  // without a lease: detached
  world.erase("c");
  world.observer.events.clear();
  EXPECT_EQ(world.revoke(5).revision, 8);
  ASSERT_EQ(world.observer.events.size(), 2U);
  EXPECT_EQ(world.observer.events[0].key, "a");
  EXPECT_EQ(world.observer.events[1].key, "d");
  EXPECT_EQ(world.observer.events[1].sub_revision, 1);
  EXPECT_EQ(world.grant(6, 10).revision, 8);
  EXPECT_EQ(world.revoke(6).revision, 8);  // without keys no revision
}

TEST(StoreScenario, alarms_stay_until_exactly_they_are_disarmed) {
  World world;
  using codec::AlarmRequest;
  const auto alarm = [&world](std::int32_t action, std::uint64_t member, std::int32_t type) {
    return world.run(CommandKind::alarm,
                     codec::encode_request(AlarmRequest{.action = action, .member = member, .alarm = type}).view());
  };
  EXPECT_EQ(alarm(AlarmRequest::activate, 7, AlarmRequest::none).body.size(), 0U);
  EXPECT_EQ(test::to_bytes(alarm(AlarmRequest::activate, 7, AlarmRequest::no_space).body), "\x12\x04\x08\x07\x10\x01");
  EXPECT_EQ(alarm(AlarmRequest::activate, 7, AlarmRequest::no_space).body.size(), 6U);
  EXPECT_EQ(alarm(AlarmRequest::deactivate, 8, AlarmRequest::no_space).body.size(), 0U);
  world.collect_all();
  world.start();
  EXPECT_EQ(world.store->alarms(), std::vector<Alarm>({{7, 1}}));
  EXPECT_EQ(alarm(AlarmRequest::deactivate, 7, AlarmRequest::no_space).body.size(), 6U);
  EXPECT_TRUE(world.store->alarms().empty());
}

TEST(StoreScenario, what_is_not_durable_stays_in_memory) {
  World world;
  world.put("a", "1");
  world.put("a", "2");
  world.put("a", "3");
  world.collect(Position(2));
  EXPECT_EQ(world.store->executed(), Position(3));
  EXPECT_EQ(world.start(), Position(2));
  EXPECT_EQ(world.store->revision(), 3);
  EXPECT_EQ(value_of(world, "a"), "2");
  // Nothing new: no batch at all.
  env::RecordBatch batch;
  world.store->collect(Position(9), batch);
  EXPECT_TRUE(batch.empty());
  world.store->skip(Position(3));
  world.store->collect(Position(9), batch);
  EXPECT_EQ(batch.ops.size(), 1U);  // the position alone
}

TEST(StoreScenario, members_come_with_their_contacts_and_a_removed_one_is_remembered) {
  World world;
  const std::vector<NodeId> three = {NodeId(1), NodeId(2), NodeId(3)};
  const std::vector<state::MemberContact> contacts = {
      {NodeId(1), "http://a:1"}, {NodeId(2), "http://b:1"}, {NodeId(3), "http://c:1"}};
  world.store->configure(world.store->executed().next(), three, contacts);
  EXPECT_EQ(world.store->contacts().at(NodeId(2)).view(), "http://b:1");
  const std::vector<NodeId> two = {NodeId(1), NodeId(3)};
  world.store->configure(world.store->executed().next(), two, {});
  EXPECT_TRUE(world.store->contacts().at(NodeId(2)).empty());
  world.collect_all();
  world.start();
  ASSERT_EQ(world.store->contacts().size(), 3U);
  EXPECT_EQ(world.store->contacts().at(NodeId(3)).view(), "http://c:1");
  EXPECT_TRUE(world.store->contacts().at(NodeId(2)).empty());
}

// K-02.
TEST(StoreScenario, a_compaction_is_erased_only_with_its_command) {
  World world;
  world.put("a", "1");
  world.put("a", "2");
  world.collect_all();
  world.compact(3);
  while (world.store->compact_step(10)) {
  }
  world.collect(Position(2));  // the Compact entry at 3 is not durable here
  EXPECT_EQ(world.records.record_count(), 3U);
  world.collect(Position(3));
  EXPECT_EQ(world.records.record_count(), 2U);
}

TEST(StoreScenario, a_plain_put_never_asks_the_engine) {
  World world({.recent_bytes = 0, .cache_bytes = 0});
  world.put("a", "1");
  world.collect_all();
  world.put("z", "1");
  world.collect_all();
  world.collect_all();  // lets go of what the one before gave to the engine
  world.records.pending_percent = 100;
  const std::uint64_t before = world.readies;
  EXPECT_EQ(world.put("a", "2").failure, Failure::none);
  EXPECT_EQ(world.readies, before);
  const auto previous = codec::encode_request(codec::PutRequest{.key = "z", .value = "2", .prev_kv = true});
  EXPECT_GT(world.run(CommandKind::put, previous.view()).body.size(), 0U);
  EXPECT_EQ(world.readies, before + 1);
}

TEST(StoreScenario, nobody_waits_for_a_reply_that_nobody_wants) {
  World world({.recent_bytes = 0, .cache_bytes = 0});
  world.put("a", "1");
  world.collect_all();
  world.put("z", "1");
  world.collect_all();
  world.collect_all();  // lets go of what the one before gave to the engine
  world.observer.wants = false;
  world.records.pending_percent = 100;
  TxnBuilder txn;
  txn.range(true, {.key = "a"})
      .erase(true, {.key = "a", .prev_kv = true})
      .put(true, {.key = "z", .value = "2", .prev_kv = true});
  (void)world.run(CommandKind::txn, txn.bytes);
  EXPECT_EQ(world.readies, 0U);
  EXPECT_EQ(world.store->key_count(), 1U);
}

TEST(StoreScenario, a_record_is_told_until_it_is_compacted) {
  World world;
  world.put("a", "1");
  world.put("a", "2");
  Event event;
  EXPECT_EQ(world.store->record_at(2, 0, event, {}).state, env::Lookup::State::value);
  EXPECT_EQ(event.value.view(), "1");
  EXPECT_EQ(world.store->record_at(3, 0, event, {}).state, env::Lookup::State::value);
  EXPECT_EQ(event.previous_revision, 2);
  EXPECT_EQ(world.store->record_at(3, 1, event, {}).state, env::Lookup::State::absent);
  EXPECT_EQ(world.store->record_at(9, 0, event, {}).state, env::Lookup::State::absent);
  world.compact(3);
  EXPECT_EQ(world.store->record_at(2, 0, event, {}).state, env::Lookup::State::absent);
  EXPECT_EQ(world.store->record_at(3, 0, event, {}).state, env::Lookup::State::value);
}

TEST(StoreScenario, counts_and_limits_over_many_keys) {
  World world;
  for (int i = 0; i < 1000; ++i) {
    world.put("k" + std::to_string(1000 + i), "v");
  }
  world.erase("k1100", "k1200");
  const Reply reply = world.range({.key = kAll, .range_end = kAll, .limit = 1, .sort_order = 2, .keys_only = true});
  // { key k1999, ... }, more, count 900
  EXPECT_EQ(reply.body.view().substr(0, 9), ByteView("\x12\x0F\x0A\x05k1999", 9));
  EXPECT_EQ(reply.body.view().substr(reply.body.size() - 5), ByteView("\x18\x01\x20\x84\x07", 5));
  const Reply count = world.range({.key = "k1050", .range_end = "k1250", .count_only = true});
  EXPECT_EQ(test::to_bytes(count.body), "\x20\x64");
}

TEST(StoreScenario, a_lost_record_is_noticed) {
  for (const std::size_t lost : {0U, 1U, 2U}) {
    World world;
    world.put("a", "1");
    (void)world.run(CommandKind::txn, TxnBuilder().put(true, {.key = "b"}).put(true, {.key = "c"}).bytes);
    world.collect_all();
    env::RecordBatch batch;
    batch.erase(world.records.batches[0].ops[lost].key);
    ASSERT_TRUE(world.records.write(std::move(batch)).has_value());
    const auto store = Store::make(GroupId(3), world.records, {}, world.observer);
    const Result<Position> result = store->recover(state::kFirstGeneration);
    ASSERT_FALSE(result.has_value()) << lost;
    EXPECT_EQ(result.error().code, ErrorCode::corrupt);
    EXPECT_NE(result.error().text.find("is missing; the store is at revision 3"), std::string::npos);
  }
}

TEST(StoreScenario, damaged_records_are_refused) {
  World world;
  world.put("a", "1");
  world.collect_all();
  env::RecordBatch batch = world.records.batches[0];
  std::string value(batch.ops[0].value.view());
  value[0] = static_cast<char>(value[0] | 0x40);
  batch.ops = {{env::RecordBatch::Op::Kind::put, batch.ops[0].key, Buffer::copy_of(value)}};
  ASSERT_TRUE(world.records.write(std::move(batch)).has_value());
  const auto store = Store::make(GroupId(3), world.records, {}, world.observer);
  const Result<Position> result = store->recover(state::kFirstGeneration);
  ASSERT_FALSE(result.has_value());
  EXPECT_EQ(result.error().code, ErrorCode::newer_format);
}

}  // namespace
}  // namespace quorate::kv
