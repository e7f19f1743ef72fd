// Random commands against the naive model: replies, events, history, hashes; with an engine that makes every read wait
// and memory that holds next to nothing; with crashes that leave any prefix of the engine's batches.
#include <deque>
#include <functional>

#include <gtest/gtest.h>

#include "state/kv/store_test_model.h"
#include "state/kv/validate.h"

namespace quorate::kv {
namespace {

using codec::CompareRequest;
using codec::RangeRequest;
using codec::RequestOp;
using test::Model;
using test::ModelOp;
using test::ModelReply;
using test::ModelTxn;
using test::World;

class Generator {
 public:
  explicit Generator(std::uint64_t seed) : random_(seed) {
    for (const char* key : {"a", "ab", "abc", "b", "ba", "c", "c1", "c2", "c3", "d", "foo", "fop", "z"}) {
      keys_.emplace_back(key);
    }
    keys_.push_back(std::string("a\0", 2));
    keys_.push_back(std::string("\0", 1));
    keys_.push_back("\xFF");
  }
  std::int64_t below(std::int64_t bound) {
    return static_cast<std::int64_t>(random_() % static_cast<std::uint64_t>(bound));
  }
  bool chance(int percent) { return below(100) < percent; }
  ByteView key() { return keys_[static_cast<std::size_t>(below(static_cast<std::int64_t>(keys_.size())))]; }
  ByteView range_end() { return chance(45) ? ByteView() : chance(15) ? ByteView(keys_[keys_.size() - 2]) : key(); }
  ByteView value() {
    return chance(10) ? ByteView()
                      : ByteView(values_.emplace_back(static_cast<std::size_t>(1 + below(40)),
                                                      static_cast<char>('p' + below(4))));
  }
  std::int64_t lease() { return chance(70) ? 0 : below(5) - 1; }
  std::int64_t near(std::int64_t revision) {
    return chance(40) ? 0 : chance(10) ? -1 - below(3) : std::max<std::int64_t>(0, revision - 12) + below(14);
  }
  RangeRequest range(std::int64_t revision) {
    RangeRequest request{.key = key(), .range_end = range_end(), .revision = near(revision)};
    if (chance(40)) {
      request.limit = below(6) - 1;
    }
    if (chance(50)) {
      request.sort_order = static_cast<std::int32_t>(below(3));
      request.sort_target = static_cast<std::int32_t>(below(5));
    }
    request.keys_only = chance(15);
    request.count_only = chance(10);
    if (chance(20)) {
      request.min_mod_revision = near(revision);
      request.max_mod_revision = near(revision);
    }
    if (chance(20)) {
      request.min_create_revision = near(revision);
      request.max_create_revision = near(revision);
    }
    return request;
  }
  codec::PutRequest put() {
    codec::PutRequest request{.key = key(), .lease = lease(), .prev_kv = chance(30)};
    request.ignore_value = chance(10);
    request.ignore_lease = chance(10);
    if (request.ignore_lease) {
      request.lease = 0;
    }
    if (!request.ignore_value) {
      request.value = value();
    }
    return request;
  }
  codec::DeleteRangeRequest erase() { return {.key = key(), .range_end = range_end(), .prev_kv = chance(40)}; }
  CompareRequest compare(const Model& model) {
    CompareRequest request{
        .result = static_cast<std::int32_t>(below(4)), .target = static_cast<std::int32_t>(below(5)), .key = key()};
    if (request.target == CompareRequest::value) {
      request.operand_value = value();
      const auto known = model.now().find(std::string(request.key));
      if (known != model.now().end() && chance(70)) {
        request.operand_value = values_.emplace_back(known->second.value);
      }
    } else {
      request.range_end = range_end();
      request.operand = request.target == CompareRequest::mod || request.target == CompareRequest::create
                            ? near(model.revision)
                            : below(4) - 1;
    }
    return request;
  }
  ModelTxn txn(const Model& model, int depth = 0) {
    ModelTxn result;
    for (std::int64_t i = below(3); i > 0; --i) {
      result.compares.push_back(compare(model));
    }
    for (auto* branch : {&result.success, &result.failure}) {
      for (std::int64_t i = below(5); i > 0; --i) {
        ModelOp op;
        const std::int64_t dice = below(100);
        if (dice < 30) {
          op.kind = RequestOp::Kind::range;
          op.range = range(model.revision);
          op.range.revision = chance(80) ? 0 : op.range.revision;
        } else if (dice < 65) {
          op.kind = RequestOp::Kind::put;
          op.put = put();
        } else if (dice < 80) {
          op.kind = RequestOp::Kind::delete_range;
          op.erase = erase();
        } else if (depth < 3) {
          op.kind = RequestOp::Kind::txn;
          op.txn = std::make_shared<ModelTxn>(txn(model, depth + 1));
        } else {
          continue;
        }
        branch->push_back(std::move(op));
      }
    }
    return result;
  }

 private:
  std::mt19937_64 random_;
  std::vector<std::string> keys_;
  std::deque<std::string> values_;
};

/// The same commands in the model, in a store with everything in memory, and in one that must fetch and crashes.
class Trial {
 public:
  explicit Trial(std::uint64_t seed) : generate_(seed), poor_({.recent_bytes = 200, .cache_bytes = 64 * 40}) {
    poor_.records.pending_percent = 60;
    poor_.records.random.seed(seed);
  }
  void run(int commands) {
    for (int i = 0; i < commands && !testing::Test::HasFailure(); ++i) {
      SCOPED_TRACE("command " + std::to_string(i));
      step();
      if (generate_.chance(30)) {
        read();
      }
      if (generate_.chance(20)) {
        tend();
      }
      if (generate_.chance(3)) {
        crash();
      }
    }
    compare_all();
  }

 private:
  void expect_same(const ModelReply& expected, const Reply& got, const char* who) {
    EXPECT_EQ(static_cast<int>(got.failure), static_cast<int>(expected.failure)) << who;
    EXPECT_EQ(got.revision, expected.revision) << who;
    EXPECT_EQ(test::to_bytes(got.body), expected.body) << who;
  }
  void command(CommandKind kind, const std::string& request, const ModelReply& expected) {
    const Buffer bytes = World::command(kind, request);
    const EntryId id{rich_.store->executed().next(), Tag(4)};
    log_.push_back(bytes);
    rich_.execute_at(id, bytes);
    ASSERT_TRUE(rich_.observer.reply.has_value());
    expect_same(expected, *rich_.observer.reply, "rich");
    poor_.execute_at(id, bytes);
    ASSERT_TRUE(poor_.observer.reply.has_value());
    expect_same(expected, *poor_.observer.reply, "poor");
    EXPECT_EQ(rich_.observer.events, model_.events);
    EXPECT_EQ(poor_.observer.events, model_.events);
    EXPECT_EQ(rich_.state_hash(), poor_.state_hash());
    EXPECT_EQ(rich_.store->key_count(), model_.now().size());
    rich_.observer.events.clear();
    poor_.observer.events.clear();
    model_.events.clear();
  }
  void step() {
    const std::int64_t dice = generate_.below(100);
    if (dice < 35) {
      const codec::PutRequest request = generate_.put();
      command(CommandKind::put, test::to_bytes(codec::encode_request(request)), model_.put(request));
    } else if (dice < 50) {
      const codec::DeleteRangeRequest request = generate_.erase();
      command(CommandKind::delete_range, test::to_bytes(codec::encode_request(request)), model_.erase(request));
    } else if (dice < 80) {
      const ModelTxn request = generate_.txn(model_);
      const std::string bytes = test::build(request).bytes;
      if (validate_txn(bytes, 128) == Failure::none) {
        command(CommandKind::txn, bytes, model_.txn(request));
      }
    } else if (dice < 88) {
      const codec::LeaseGrantRequest request{.ttl = generate_.below(5), .id = 1 + generate_.below(3)};
      command(CommandKind::lease_grant, test::to_bytes(codec::encode_request(request)),
              model_.grant(request.id, request.ttl));
    } else if (dice < 94) {
      const codec::LeaseRevokeRequest request{.id = 1 + generate_.below(3)};
      command(CommandKind::lease_revoke, test::to_bytes(codec::encode_request(request)), model_.revoke(request.id));
    } else {
      const codec::CompactionRequest request{.revision = generate_.near(model_.revision)};
      command(CommandKind::compact, test::to_bytes(codec::encode_request(request)), model_.compact(request.revision));
    }
  }
  void read() {
    const RangeRequest request = generate_.range(model_.revision);
    const ModelReply expected = model_.range(request);
    expect_same(expected, rich_.range(request), "rich");
    expect_same(expected, poor_.range(request), "poor");
    const std::int64_t at = generate_.near(model_.revision);
    const ModelReply hash = model_.hash_kv(at);
    expect_same(hash, rich_.hash_kv(at), "rich");
    expect_same(hash, poor_.hash_kv(at), "poor");
    read_history();
  }
  void read_history() {
    const std::int64_t from = std::max<std::int64_t>(0, model_.compacted) + generate_.below(8);
    const ByteView key = generate_.key();
    const ByteView end = generate_.range_end();
    for (World* world : {&rich_, &poor_}) {
      std::vector<test::SeenEvent> got;
      std::int64_t next = from;
      world->until_done([&](Callback<> ready) {
        const HistoryPage page = world->store->history(next, key, end, 3, ready);
        if (page.pending) {
          EXPECT_TRUE(page.events.empty());
          return false;
        }
        for (const Event& event : page.events) {
          got.push_back(test::seen(event));
        }
        next = page.next_revision;
        return next > world->store->revision();
      });
      EXPECT_EQ(got, model_.history(from, key, end));
    }
  }
  void tend() {
    poor_.collect(Position(static_cast<std::uint64_t>(generate_.below(static_cast<std::int64_t>(log_.size()) + 2))));
    (void)rich_.store->compact_step(2);
    (void)poor_.store->compact_step(1);
  }
  void crash() {
    const std::size_t batches = poor_.records.batches.size();
    poor_.store.reset();
    poor_.records.crash(static_cast<std::size_t>(generate_.below(static_cast<std::int64_t>(batches) + 1)));
    const Position applied = poor_.start();
    poor_.observer.wants = generate_.chance(50);
    for (std::uint64_t i = applied.value(); i < log_.size(); ++i) {
      poor_.execute_at({Position(i + 1), Tag(4)}, log_[i]);
      if (generate_.chance(10)) {
        poor_.collect_all();
        (void)poor_.store->compact_step(2);
      }
    }
    poor_.observer.wants = true;
    poor_.observer.events.clear();
    EXPECT_EQ(rich_.state_hash(), poor_.state_hash());
    EXPECT_EQ(poor_.store->compact_revision(), model_.compacted);
  }
  /// With all compaction done, memory and engine hold what the model holds.
  void compare_all() {
    for (World* world : {&rich_, &poor_}) {
      while (world->store->compact_step(3)) {
      }
      world->collect_all();
      EXPECT_EQ(world->records.record_count(), model_.records.size() + model_.leases.size() + 1);
      for (std::int64_t id = 1; id <= 3; ++id) {
        std::vector<std::string> keys;
        for (const Buffer& key : world->store->lease_keys(id)) {
          keys.emplace_back(key.view());
        }
        EXPECT_EQ(keys, model_.lease_keys(id));
      }
    }
  }

  Generator generate_;
  Model model_;
  World rich_;
  World poor_;
  std::vector<Buffer> log_;
};

class StoreModel : public testing::TestWithParam<std::uint64_t> {};

TEST_P(StoreModel, agrees_with_the_naive_store) {
  Trial trial(GetParam());
  trial.run(400);
}

INSTANTIATE_TEST_SUITE_P(seeds, StoreModel, testing::Range<std::uint64_t>(1, 25));

}  // namespace
}  // namespace quorate::kv
