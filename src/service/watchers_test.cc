// Watches: everything that matches, once, in order, whole revisions, whatever sinks, compactions and the engine do.

#include <algorithm>
#include <map>
#include <random>

#include <gtest/gtest.h>

#include "codec/etcd_reply.h"
#include "codec/proto_fields.h"
#include "codec/writer.h"
#include "service/cluster_for_test.h"

namespace quorate::service {
namespace {

using test::Cluster;
using namespace std::chrono_literals;  // NOLINT(google-build-using-namespace): durations read as words

/// What a watcher was told of one change.
struct Told {
  bool is_delete = false;
  std::string key;
  std::string value;
  std::int64_t revision = 0;
  std::int64_t previous = 0;  ///< mod_revision of prev_kv
  friend bool operator==(const Told&, const Told&) = default;
};

/// Reads the bytes, not the event: both must say the same.
Told read_told(const WatchEvent& event) {
  Told told;
  codec::KeyValue kv;
  codec::KeyValue previous;
  for (codec::FieldReader fields(event.encoded.view()); fields.next();) {
    if (fields.is_varint(1)) {
      told.is_delete = fields.value() == 1;
    } else if (fields.is_bytes(2)) {
      EXPECT_TRUE(codec::read_key_value(fields.bytes(), kv));
    } else if (fields.is_bytes(3)) {
      EXPECT_TRUE(codec::read_key_value(fields.bytes(), previous));
      EXPECT_EQ(previous.key, event.event->key.view());
    }
  }
  EXPECT_EQ(kv.mod_revision, event.event->mod_revision);
  EXPECT_EQ(kv.key, event.event->key.view());
  told.key = kv.key;
  told.value = kv.value;
  told.revision = kv.mod_revision;
  told.previous = previous.mod_revision;
  return told;
}

class Sink final : public WatchSink {
 public:
  bool can_take() const override { return !is_full; }
  void on_events(WatcherId watcher, std::int64_t header_revision, std::span<const WatchEvent> events) override {
    EXPECT_FALSE(is_full);
    EXPECT_FALSE(events.empty());
    ++calls;
    for (const WatchEvent& event : events) {
      told[watcher].push_back(read_told(event));
    }
    EXPECT_GE(header_revision, told[watcher].back().revision);
    ends[watcher].push_back(told[watcher].size());
    fills_up_after -= fills_up_after > 0 ? 1 : 0;
    is_full = is_full || fills_up_after == 0;
  }
  void on_compacted(WatcherId watcher, std::int64_t revision) override { compacted[watcher] = revision; }
  void on_progress(WatcherId watcher, std::int64_t revision) override {
    progress[watcher].emplace_back(told[watcher].size(), revision);
  }

  bool is_full = false;
  int fills_up_after = -1;
  int calls = 0;
  std::map<WatcherId, std::vector<Told>> told;
  std::map<WatcherId, std::vector<std::size_t>> ends;  ///< how much was told after each call
  std::map<WatcherId, std::int64_t> compacted;
  std::map<WatcherId, std::vector<std::pair<std::size_t, std::int64_t>>> progress;
};

WatchSpec spec_of(ByteView key, std::int64_t start, ByteView end = {}) {
  WatchSpec spec;
  spec.key = Buffer::copy_of(key);
  spec.range_end = Buffer::copy_of(end);
  spec.start_revision = start;
  return spec;
}

struct OneNode {
  explicit OneNode(ServiceConfig config = {}) : cluster(1, config) { cluster.elect(1); }
  void put(ByteView key, ByteView value) {
    cluster.put(1, key, value);
    cluster.pass(1ms);
  }
  WatchHub& hub() { return cluster[1].service->watches(); }
  Cluster cluster;
  Sink sink;
};

TEST(Watchers, LiveEventsComeAtTheEndOfTheTurn) {
  OneNode node;
  node.put("a", "0");
  const WatcherId watcher = node.hub().create(spec_of("a", 0), node.sink);
  node.put("a", "1");
  node.put("b", "1");
  ASSERT_EQ(node.sink.told[watcher].size(), 1U);
  EXPECT_EQ(node.sink.told[watcher][0], (Told{.key = "a", .value = "1", .revision = 3}));
  EXPECT_EQ(node.hub().slow_watcher_count(), 0U);
  node.hub().cancel(watcher);
  node.put("a", "2");
  EXPECT_EQ(node.sink.told[watcher].size(), 1U);
  EXPECT_EQ(node.hub().watcher_count(), 0U);
}

TEST(Watchers, HistoryComesFirstAndNeverInsideTheCall) {
  OneNode node;
  for (int i = 0; i < 300; ++i) {
    node.put("a", std::to_string(i));
  }
  const WatcherId watcher = node.hub().create(spec_of("a", 100), node.sink);
  EXPECT_EQ(node.sink.calls, 0);
  EXPECT_EQ(node.hub().slow_watcher_count(), 1U);
  node.put("a", "300");
  node.cluster.pass(10ms);
  ASSERT_EQ(node.sink.told[watcher].size(), 203U);
  for (std::size_t i = 0; i < 203; ++i) {
    EXPECT_EQ(node.sink.told[watcher][i].revision, static_cast<std::int64_t>(100 + i));
  }
  EXPECT_EQ(node.hub().slow_watcher_count(), 0U);
}

// W-03.
TEST(Watchers, AStartInTheFutureIsWaitedFor) {
  OneNode node;
  const WatcherId watcher = node.hub().create(spec_of("a", 4), node.sink);
  std::int64_t revision = 0;
  EXPECT_FALSE(node.hub().all_synced({&watcher, 1}, revision));
  for (int i = 2; i < 6; ++i) {
    node.put("a", std::to_string(i));
  }
  ASSERT_EQ(node.sink.told[watcher].size(), 2U);
  EXPECT_EQ(node.sink.told[watcher][0].revision, 4);
  EXPECT_TRUE(node.hub().all_synced({&watcher, 1}, revision));
  EXPECT_EQ(revision, 5);
}

TEST(Watchers, AFullSinkCatchesUpWhenItCanTakeAgain) {
  OneNode node;
  const WatcherId watcher = node.hub().create(spec_of("a", 0), node.sink);
  node.put("a", "1");
  node.sink.is_full = true;
  node.put("a", "2");
  node.put("a", "3");
  EXPECT_EQ(node.hub().slow_watcher_count(), 1U);
  std::int64_t revision = 0;
  EXPECT_FALSE(node.hub().all_synced({&watcher, 1}, revision));
  EXPECT_EQ(node.sink.told[watcher].size(), 1U);
  node.sink.is_full = false;
  node.hub().on_sink_ready(node.sink);
  EXPECT_EQ(node.sink.told[watcher].size(), 1U);
  node.cluster.pass(1ms);
  ASSERT_EQ(node.sink.told[watcher].size(), 3U);
  EXPECT_EQ(node.sink.told[watcher][2].value, "3");
}

TEST(Watchers, ACompactedStartIsTold) {
  OneNode node;
  for (int i = 0; i < 8; ++i) {
    node.put("a", "x");
  }
  node.cluster.ask([&](AnswerTo to) {
    return node.cluster[1].service->compact(codec::encode_request(codec::CompactionRequest{.revision = 5}),
                                            Instant::max(), to);
  });
  node.cluster.pass(1s);
  const WatcherId below = node.hub().create(spec_of("a", 4), node.sink);
  const WatcherId equal = node.hub().create(spec_of("a", 5), node.sink);
  node.cluster.pass(1ms);
  EXPECT_EQ(node.sink.compacted[below], 5);
  EXPECT_FALSE(node.sink.compacted.contains(equal));
  EXPECT_EQ(node.sink.told[equal].size(), 5U);
  EXPECT_EQ(node.hub().watcher_count(), 1U);
}

TEST(Watchers, PreviousVersionsAndFilters) {
  OneNode node;
  WatchSpec spec = spec_of("a", 0);
  spec.prev_kv = true;
  const WatcherId previous = node.hub().create(spec, node.sink);
  spec.no_put = true;
  const WatcherId deletes = node.hub().create(spec, node.sink);
  spec.no_put = false;
  spec.no_delete = true;
  const WatcherId puts = node.hub().create(spec, node.sink);
  node.put("a", "1");
  node.put("a", "2");
  node.cluster.ask([&](AnswerTo to) {
    return node.cluster[1].service->delete_range(codec::encode_request(codec::DeleteRangeRequest{.key = "a"}),
                                                 Instant::max(), to);
  });
  node.cluster.pass(1ms);
  ASSERT_EQ(node.sink.told[previous].size(), 3U);
  EXPECT_EQ(node.sink.told[previous][0].previous, 0);
  EXPECT_EQ(node.sink.told[previous][1].previous, 2);
  EXPECT_EQ(node.sink.told[previous][2], (Told{.is_delete = true, .key = "a", .revision = 4, .previous = 3}));
  EXPECT_EQ(node.sink.told[puts].size(), 2U);
  ASSERT_EQ(node.sink.told[deletes].size(), 1U);
  EXPECT_EQ(node.sink.told[deletes][0].revision, 4);
}

TEST(Watchers, ProgressIsTemperedByEvents) {
  ServiceConfig config;
  config.progress_interval = 1s;
  OneNode node(config);
  WatchSpec spec = spec_of("a", 0);
  spec.progress_notify = true;
  const WatcherId watcher = node.hub().create(spec, node.sink);
  const WatcherId silent = node.hub().create(spec_of("a", 0), node.sink);
  node.cluster.pass(1200ms);
  EXPECT_EQ(node.sink.progress[watcher], (std::vector<std::pair<std::size_t, std::int64_t>>{{0, 1}}));
  for (int i = 0; i < 30; ++i) {
    node.put("a", "1");
    node.cluster.pass(100ms);
  }
  EXPECT_EQ(node.sink.progress[watcher].size(), 1U) << "events are news enough";
  node.cluster.pass(2300ms);
  EXPECT_EQ(node.sink.progress[watcher].back(), (std::pair<std::size_t, std::int64_t>{30, 31}));
  EXPECT_TRUE(node.sink.progress[silent].empty());
}

// W-10.
TEST(Watchers, SinksMayCancelAndCreateWhileTheyAreTold) {
  class Restless final : public WatchSink {
   public:
    explicit Restless(OneNode& node) : node_(node) {}
    bool can_take() const override { return true; }
    void on_events(WatcherId watcher, std::int64_t, std::span<const WatchEvent>) override {
      ++calls;
      node_.hub().cancel(watcher);
      node_.hub().cancel(other);
      if (calls <= 2) {
        made = node_.hub().create(spec_of("a", 1), *this);
      }
    }
    void on_compacted(WatcherId, std::int64_t) override {}
    void on_progress(WatcherId, std::int64_t) override {}
    WatcherId other = 0;
    WatcherId made = 0;
    int calls = 0;

   private:
    OneNode& node_;
  };
  OneNode node;
  Restless sink(node);
  node.hub().create(spec_of("a", 0), sink);
  sink.other = node.hub().create(spec_of("a", 0), sink);
  node.put("a", "1");
  EXPECT_EQ(sink.calls, 3) << "those that it made told it of the past; the one that it cancelled told it nothing";
  EXPECT_EQ(node.hub().watcher_count(), 0U);
}

// ---- the model ----------------------------------------------------------------------------------------------

/// Watches with random bounds on sinks that are full at times, while a random store changes, compacts and answers
/// late: what each was told is the filtered trail, without exception.
class Model {
 public:
  explicit Model(std::uint64_t seed) : random_(seed), cluster_(1, config()) {
    cluster_.elect(1);
    cluster_[1].records->behaviour.lookup_delay = 3ms;
    sinks_.resize(4);
  }

  void run() {
    for (int step = 0; step < 400; ++step) {
      this->step();
      cluster_.pass(std::chrono::microseconds(random_() % 3000));
      ASSERT_FALSE(::testing::Test::HasFailure()) << "step " << step;
    }
    cluster_[1].records->behaviour.pending_per_million = 0;
    for (Sink& sink : sinks_) {
      sink.is_full = false;
      sink.fills_up_after = -1;
      cluster_[1].service->watches().on_sink_ready(sink);
    }
    cluster_.pass(5s);
    remember();
    for (const auto& [id, watch] : watches_) {
      check(id, watch, sinks_[watch.sink]);
    }
    for (const Ended& ended : ended_) {
      check(ended.id, ended.watch, ended.sink);
    }
    EXPECT_EQ(cluster_[1].service->watches().slow_watcher_count(), 0U);
  }

  std::uint64_t told = 0;
  std::uint64_t compacted = 0;
  std::uint64_t progress = 0;
  [[nodiscard]] test::Traces& traces() { return cluster_.traces; }

 private:
  struct Watch {
    WatchSpec spec;
    std::size_t sink = 0;
    std::int64_t from = 0;
    bool is_cancelled = false;
  };

  struct Ended {
    WatcherId id = 0;
    Watch watch;
    Sink sink;
  };

  static ServiceConfig config() {
    ServiceConfig config;
    config.progress_interval = 100ms;
    return config;
  }
  std::string key() { return std::string(1, static_cast<char>('a' + random_() % 5)); }

  void step() {
    if (random_() % 60 == 0) {
      reopen();
    }
    switch (random_() % 16) {
      case 0: watch(); break;
      case 1: cancel(); break;
      case 2: {
        Sink& sink = sinks_[random_() % sinks_.size()];
        const bool was_full = sink.is_full;
        sink.is_full = random_() % 2 == 0;
        sink.fills_up_after = random_() % 3 == 0 ? static_cast<int>(1 + random_() % 4) : -1;
        if (was_full && !sink.is_full) {
          cluster_[1].service->watches().on_sink_ready(sink);
        }
        break;
      }
      case 3: compact(); break;
      case 4: cluster_[1].give_to_engine(); break;
      case 5:
        cluster_[1].records->behaviour.pending_per_million = random_() % 3 == 0 ? 0 : random_() % 1'000'000;
        break;
      case 6:
      case 7: write(1 + random_() % 40); break;
      default: write(1 + random_() % 3);
    }
  }

  /// The process dies, and its watchers with it.
  void reopen() {
    cluster_.pass(1ms);
    for (auto& [id, watch] : watches_) {
      cluster_[1].service->watches().cancel(id);
      watch.is_cancelled = true;
      ended_.push_back({id, watch, sinks_[watch.sink]});
    }
    watches_.clear();
    const std::size_t count = sinks_.size();
    sinks_.clear();
    sinks_.resize(count);
    cluster_[1].reopen();
    cluster_.announce(cluster_[1], NodeId(1));
  }

  void write(std::uint64_t count) {
    for (std::uint64_t i = 0; i < count; ++i) {
      const std::uint64_t kind = random_() % 4;
      if (kind == 0) {
        const std::string from = key();
        const codec::DeleteRangeRequest request{.key = from, .range_end = random_() % 2 == 0 ? "" : "z"};
        cluster_[1].service->delete_range(codec::encode_request(request), Instant::max(), AnswerTo());
      } else if (kind == 1) {
        const std::string first = key();
        const std::string bytes = put_op(first) + (first == "a" ? put_op("b") : put_op("a"));
        cluster_[1].service->txn(Buffer::copy_of(bytes), Instant::max(), AnswerTo());
      } else {
        const std::string value = std::to_string(++values_);
        const std::string name = key();
        cluster_[1].service->put(codec::encode_request(codec::PutRequest{.key = name, .value = value}), Instant::max(),
                                 AnswerTo());
      }
    }
  }
  std::string put_op(const std::string& name) {
    const std::string value = std::to_string(++values_);
    const Buffer put = codec::encode_request(codec::PutRequest{.key = name, .value = value});
    codec::Writer op;
    op.u8(0x12);
    op.sized_bytes(put.view());
    codec::Writer txn;
    txn.u8(0x12);
    txn.sized_bytes(op.view());
    return txn.take();
  }

  void compact() {
    const kv::Store& store = *cluster_[1].store;
    const std::int64_t low = std::max<std::int64_t>(store.compact_revision(), 1);
    const std::int64_t revision = low + static_cast<std::int64_t>(random_() % 20);
    cluster_[1].service->compact(codec::encode_request(codec::CompactionRequest{.revision = revision}), Instant::max(),
                                 AnswerTo());
  }

  void watch() {
    Watch watch;
    watch.sink = random_() % sinks_.size();
    const std::int64_t now = cluster_[1].store->revision();
    watch.spec = spec_of(key(), 0, random_() % 2 == 0 ? "" : random_() % 2 == 0 ? ByteView("\0", 1) : ByteView("z"));
    switch (random_() % 3) {
      case 0: break;
      case 1: watch.spec.start_revision = now + static_cast<std::int64_t>(random_() % 5); break;
      default: watch.spec.start_revision = 1 + static_cast<std::int64_t>(random_() % static_cast<std::uint64_t>(now));
    }
    watch.spec.prev_kv = random_() % 2 == 0;
    watch.spec.no_put = random_() % 8 == 0;
    watch.spec.no_delete = random_() % 8 == 0;
    watch.spec.progress_notify = random_() % 2 == 0;
    watch.from = watch.spec.start_revision == 0 ? now + 1 : watch.spec.start_revision;
    const WatcherId id = cluster_[1].service->watches().create(watch.spec, sinks_[watch.sink]);
    watches_.emplace(id, watch);
  }

  void cancel() {
    if (watches_.empty()) {
      return;
    }
    const auto victim = std::next(watches_.begin(), static_cast<std::ptrdiff_t>(random_() % watches_.size()));
    cluster_[1].service->watches().cancel(victim->first);
    victim->second.is_cancelled = true;
  }

  /// The trail is read from the log, by a store of its own that nobody compacts.
  void remember() {
    struct Keeper final : kv::StoreObserver {
      explicit Keeper(Model& the_model) : model(the_model) {}
      bool wants_reply(const kv::RequestId&) const override { return false; }
      void on_reply(const kv::RequestId&, kv::Reply) override {}
      void on_events(std::int64_t, std::span<const kv::Event> events) override {
        for (const kv::Event& event : events) {
          model.trail_.push_back({.is_delete = event.type == kv::Event::Type::erase,
                                  .key = std::string(event.key.view()),
                                  .value = std::string(event.value.view()),
                                  .revision = event.mod_revision,
                                  .previous = event.previous_revision});
        }
      }
      void on_lease_granted(const kv::LeaseInfo&) override {}
      void on_lease_revoked(std::int64_t) override {}
      void on_compacted(std::int64_t) override {}
      void on_replaced(std::int64_t) override {}
      Model& model;
    };
    trail_.clear();
    storage::MemoryRecords memory;
    storage::TestEntropy entropy(1);
    storage::TestLoop loop;
    storage::MemoryRecordStore records(memory, loop, loop, entropy);
    Keeper keeper(*this);
    const std::unique_ptr<kv::Store> store = kv::Store::make(GroupId(2), records, {}, keeper);
    for (std::size_t i = 0; i < cluster_.log.size(); ++i) {
      const Result<kv::Command> command = kv::decode_command(cluster_.log[i].command.view());
      if (command->header.kind != kv::CommandKind::compact) {
        ASSERT_EQ(
            store->execute({Position(i + 1), Tag(1)}, cluster_.log[i].command, Callback<>::to<&Model::on_ready>(this)),
            state::Execution::done);
      }
    }
  }
  void on_ready(std::uint64_t) {}

  void check(WatcherId id, const Watch& watch, const Sink& sink) {
    const auto found = sink.told.find(id);
    const std::vector<Told> told_to = found == sink.told.end() ? std::vector<Told>() : found->second;
    const bool is_compacted = sink.compacted.contains(id);
    told += told_to.size();
    compacted += is_compacted ? 1 : 0;
    std::vector<Told> expected;
    for (const Told& change : trail_) {
      const bool in_bounds =
          watch.spec.range_end.empty() ? change.key == watch.spec.key.view() : change.key >= watch.spec.key.view();
      if (change.revision >= watch.from && in_bounds &&
          !(change.is_delete ? watch.spec.no_delete : watch.spec.no_put)) {
        expected.push_back(change);
      }
    }
    const bool is_whole = !watch.is_cancelled && !is_compacted;
    ASSERT_TRUE(is_whole ? told_to.size() == expected.size() : told_to.size() <= expected.size())
        << "watcher " << id << " was told " << told_to.size() << " of " << expected.size();
    for (std::size_t i = 0; i < told_to.size(); ++i) {
      Told want = expected[i];
      want.previous = watch.spec.prev_kv ? want.previous : 0;
      if (told_to[i].previous == 0) {
        want.previous = 0;  // compacted, maybe
      }
      ASSERT_EQ(told_to[i], want) << "watcher " << id << " event " << i << " revision " << told_to[i].revision
                                  << " for " << want.revision;
    }
    check_whole_revisions(sink, id, told_to);
    check_progress(sink, id, expected);
  }
  void check_whole_revisions(const Sink& sink, WatcherId id, const std::vector<Told>& told_to) {
    if (const auto ends = sink.ends.find(id); ends != sink.ends.end()) {
      for (const std::size_t end : ends->second) {
        ASSERT_TRUE(end == told_to.size() || told_to[end].revision > told_to[end - 1].revision)
            << "a revision in two parts";
      }
    }
  }
  void check_progress(const Sink& sink, WatcherId id, const std::vector<Told>& expected) {
    if (const auto notices = sink.progress.find(id); notices != sink.progress.end()) {
      progress += notices->second.size();
      for (const auto& [before, revision] : notices->second) {
        const auto covered =
            std::ranges::count_if(expected, [&](const Told& change) { return change.revision <= revision; });
        ASSERT_GE(before, static_cast<std::size_t>(covered)) << "progress before its events";
      }
    }
  }

  std::mt19937_64 random_;
  std::deque<Sink> sinks_;
  Cluster cluster_;
  std::map<WatcherId, Watch> watches_;
  std::vector<Ended> ended_;  ///< of earlier lives
  std::vector<Told> trail_;
  std::uint64_t values_ = 0;
};

/// `node`'s store is replaced by what `from` has, as by a snapshot.
void install(Cluster& cluster, int from, int node) {
  test::Node& source = cluster[from];
  test::Node& target = cluster[node];
  source.give_to_engine();
  constexpr Generation kNew(2);
  const state::RecordSpace old_space{GroupId(1), state::kFirstGeneration};
  const state::RecordSpace new_space{GroupId(1), kNew};
  target.store->begin_restore(kNew);
  env::RecordBatch batch;
  for (auto at = source.records->scan(old_space.first().view(), old_space.behind().view()); at->valid(); at->next()) {
    const ByteView key = at->key().substr(state::kSpaceBytes);
    ASSERT_TRUE(target.store->restore(key, at->value()).has_value());
    batch.put(Buffer::copy_of(std::string(new_space.first().view()) + std::string(key)), Buffer::copy_of(at->value()));
  }
  ASSERT_TRUE(target.records->write(std::move(batch)).has_value());
  ASSERT_TRUE(target.store->finish_restore().has_value());
  target.store->adopt_restored();
  target.next_entry = source.next_entry;
}

// W-05: a follower that was away gets a snapshot under its watches: they go on where they were, without a gap or a
// repeat; who wants what was compacted meanwhile is told so.
TEST(Watchers, ASnapshotUnderAWatchIsNeitherAGapNorARepeat) {
  for (const bool compacts : {false, true}) {
    SCOPED_TRACE(compacts);
    Cluster cluster;
    cluster.elect(1);
    cluster.settle();
    Sink sink;
    const auto put = [&](int i) {
      cluster.put(1, "a", std::to_string(i));
      cluster.pass(1ms);
    };
    for (int i = 2; i <= 10; ++i) {
      put(i);
    }
    WatchHub& hub = cluster[3].service->watches();
    const WatcherId live = hub.create(spec_of("a", 0), sink);
    const WatcherId whole = hub.create(spec_of("a", 2), sink);
    const WatcherId future = hub.create(spec_of("a", 35), sink);
    cluster.pass(10ms);
    put(11);
    cluster[3].executes = false;
    for (int i = 12; i <= 30; ++i) {
      put(i);
    }
    if (compacts) {
      const Buffer request = codec::encode_request(codec::CompactionRequest{.revision = 20});
      const test::Asked& compacted =
          cluster.ask([&](AnswerTo to) { return cluster[1].service->compact(request, Instant::max(), to); });
      cluster.settle();
      ASSERT_TRUE(compacted.ok());
    }
    EXPECT_EQ(sink.told[live].size(), 1U);
    install(cluster, 1, 3);
    cluster[3].executes = true;
    cluster.pass(10ms);
    for (int i = 31; i <= 40; ++i) {
      put(i);
    }
    cluster.pass(10ms);
    const auto revisions = [&](WatcherId watcher) {
      std::vector<std::int64_t> result;
      for (const Told& told : sink.told[watcher]) {
        result.push_back(told.revision);
        EXPECT_EQ(told.value, std::to_string(told.revision));
      }
      return result;
    };
    const auto range = [](std::int64_t from, std::int64_t to) {
      std::vector<std::int64_t> result;
      for (; from <= to; ++from) {
        result.push_back(from);
      }
      return result;
    };
    EXPECT_EQ(revisions(future), range(35, 40));
    EXPECT_EQ(revisions(live), compacts ? range(11, 11) : range(11, 40));
    EXPECT_EQ(revisions(whole), compacts ? range(2, 11) : range(2, 40));
    EXPECT_EQ(sink.compacted.contains(live), compacts);
    EXPECT_EQ(sink.compacted.contains(whole), compacts);
    EXPECT_FALSE(sink.compacted.contains(future));
  }
}

TEST(Watchers, ToldIsTheTrailFiltered) {
  std::uint64_t told = 0;
  std::uint64_t compacted = 0;
  std::uint64_t progress = 0;
  std::map<std::string, int> branches;
  for (std::uint64_t seed = 1; seed <= 30 && !HasFailure(); ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Model model(seed);
    model.run();
    told += model.told;
    compacted += model.compacted;
    progress += model.progress;
    for (const auto& [name, count] : model.traces().counts) {
      branches[name] += count;
    }
  }
  EXPECT_GT(told, 10'000U);
  EXPECT_GT(compacted, 20U);
  EXPECT_GT(progress, 100U);
  for (const char* name : {"service.watcher_sink_full", "service.watcher_fetches", "service.watcher_caught_up"}) {
    EXPECT_GT(branches[name], 50) << name;
  }
}

}  // namespace
}  // namespace quorate::service
