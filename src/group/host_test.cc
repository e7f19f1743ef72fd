#include "group/host.h"

#include <gtest/gtest.h>

#include "consensus/contract/membership_codec.h"
#include "group/cluster_for_test.h"

namespace quorate::group {
namespace {

using namespace consensus;  // NOLINT(google-build-using-namespace)
using namespace std::chrono_literals;

/// What the factory of scripted cores was given, one per core made.
struct Made {
  CoreConfig config;
  PersistedState state;
  FakeCore::Script script;
};
std::deque<Made>& made() {
  static std::deque<Made> list;
  return list;
}
std::unique_ptr<Core> make_scripted(const CoreConfig& config, PersistedState state) {
  made().push_back({config, std::move(state), {}});
  return std::make_unique<FakeCore>(made().back().script);
}

Put put(std::uint64_t position, std::uint64_t tag, std::string_view payload) {
  return {{{Position(position), Tag(tag)}, EntryKind::command, Buffer::copy_of(payload)}};
}

/// Two nodes with two groups each, whose cores do what the test says.
class HostTest : public testing::Test {
 protected:
  HostTest() { made().clear(); }
  ~HostTest() override { made().clear(); }

  void start_both() {
    ASSERT_TRUE(cluster_.start(1).has_value());
    ASSERT_TRUE(cluster_.start(2).has_value());
    cluster_.run(50ms);
  }
  /// Gives the core of `group` on `node` (started as number `life`) an input, upon which it emits.
  void effects(std::uint64_t node, std::size_t core, std::uint64_t group,
               const std::function<void(FakeCore::Script&)>& script) {
    script(made()[core].script);
    cluster_.life(node).host->replica(GroupId(group)).read(Context(1000));
    cluster_.run(1ms);
  }
  [[nodiscard]] Events told(std::size_t core) { return std::exchange(made()[core].script.told, {}); }

  Cluster cluster_{{.nodes = 2, .groups = 2, .factory = {"scripted", &make_scripted}}};
};

TEST_F(HostTest, NewsOfAPeerReachesEveryReplicaInOrder) {
  start_both();
  EXPECT_EQ(told(0), (Events{"up 2"}));
  EXPECT_EQ(told(1), (Events{"up 2"}));
  EXPECT_EQ(told(2), (Events{"up 1"}));
  cluster_.kill(2);
  cluster_.run(20ms);
  EXPECT_EQ(told(0), (Events{"down 2"}));
  EXPECT_EQ(told(1), (Events{"down 2"}));
  EXPECT_EQ(cluster_.life(1).services[0]->peers_lost, 1);
}

TEST_F(HostTest, MessagesReachTheSameGroupWithTheirEntries) {
  start_both();
  (void)told(2);
  (void)told(3);
  effects(1, 1, 2, [](FakeCore::Script& core) {
    core.persist({put(1, 1, "a"), put(2, 1, "b")});
    core.emit(Send{NodeId(2), Buffer::copy_of("append"), Attach{Position(1), Position(2), Tag(1)}, Io()});
  });
  cluster_.run(5ms);
  EXPECT_TRUE(told(2).empty()) << "group 1 of node 2";
  EXPECT_EQ(told(3), (Events{"receive append +2"}));
  EXPECT_TRUE(cluster_.life(1).host->replica(GroupId(2)).send_service_message(NodeId(2), Buffer::copy_of("hello")));
  cluster_.run(5ms);
  EXPECT_EQ(cluster_.life(2).services[1]->messages, (Events{"hello"}));
  EXPECT_TRUE(cluster_.life(2).services[0]->messages.empty());
}

TEST_F(HostTest, AMessageLeavesBeforeTheOwnDiskIsWoken) {
  start_both();
  Cluster::Life& life = cluster_.life(1);
  made()[0].script.persist({put(1, 1, "a")});
  made()[0].script.emit(Send{NodeId(2), Buffer::copy_of("append"), Attach{Position(1), Position(1), Tag(1)}, Io()});
  (void)told(2);
  cluster_.network.on_send = [&life] { EXPECT_FALSE(life.files->has_work()) << "the disk came first"; };
  life.host->replica(GroupId(1)).read(Context(1000));
  life.loop.end_turn();
  cluster_.network.on_send = nullptr;
  EXPECT_TRUE(life.files->has_work()) << "both at the end of the same turn";
  cluster_.run(1ms);
  EXPECT_EQ(told(2), (Events{"receive append +1"}));
}

TEST_F(HostTest, ANewLifeBeginsWithWhatTheLogAndTheMachineKept) {
  start_both();
  effects(1, 0, 1, [](FakeCore::Script& core) {
    core.persist({SetState{Buffer::copy_of("term 3")}, put(1, 1, "a"), put(2, 3, "b"), put(3, 3, "c")});
    core.emit(Commit{Position(2)});
  });
  cluster_.run(1s);
  cluster_.kill(1);
  ASSERT_TRUE(cluster_.start(1).has_value());
  const Made& first = made()[4];
  EXPECT_EQ(first.state.state.view(), "term 3");
  ASSERT_EQ(first.state.log.size(), 3U);
  EXPECT_EQ(first.state.log[2].id, (EntryId{Position(3), Tag(3)}));
  EXPECT_EQ(first.state.applied, Position(2));
  EXPECT_EQ(first.config.incarnation, Incarnation(2));
  EXPECT_EQ(cluster_.machine(1, 1).executed(), Position(2));
  EXPECT_EQ(cluster_.machine(1, 1).journal.size(), 2U);
  EXPECT_TRUE(made()[5].state.log.empty()) << "the other group had nothing";
}

TEST_F(HostTest, ADiscardedLogBeginsBehindWhatTheEngineHas) {
  start_both();
  made()[0].script.status.everywhere = Position(2);
  made()[0].script.on_input = [](const Input& input, FakeCore::Script& core) {
    if (const auto* taken = std::get_if<SnapshotTaken>(&input)) {
      core.persist({DiscardBelow{taken->id, taken->membership}});
    }
  };
  effects(1, 0, 1, [](FakeCore::Script& core) {
    core.persist({put(1, 1, "a"), put(2, 3, "b"), put(3, 3, "c")});
    core.emit(Commit{Position(3)});
  });
  cluster_.run(1s);
  cluster_.kill(1);
  ASSERT_TRUE(cluster_.start(1).has_value());
  const PersistedState& state = made()[4].state;
  EXPECT_EQ(state.discarded, (EntryId{Position(2), Tag(3)}));
  EXPECT_EQ(state.membership.voters, (std::vector<NodeId>{NodeId(1), NodeId(2)}));
  ASSERT_EQ(state.log.size(), 1U);
  EXPECT_EQ(state.applied, Position(3));
}

TEST_F(HostTest, AnEngineThatLostItsRecordsIsRefused) {
  start_both();
  made()[0].script.status.everywhere = Position(2);
  made()[0].script.on_input = [](const Input& input, FakeCore::Script& core) {
    if (const auto* taken = std::get_if<SnapshotTaken>(&input)) {
      core.persist({DiscardBelow{taken->id, taken->membership}});
    }
  };
  effects(1, 0, 1, [](FakeCore::Script& core) {
    core.persist({put(1, 1, "a"), put(2, 3, "b")});
    core.emit(Commit{Position(2)});
  });
  cluster_.run(1s);
  cluster_.kill(1);
  env::RecordBatch batch;
  batch.erase_range(Buffer::copy_of(std::string(1, '\0')), Buffer::copy_of("\xFF"));
  cluster_.nodes[0].records.apply(batch);
  const Status started = cluster_.start(1);
  ASSERT_FALSE(started.has_value());
  EXPECT_EQ(started.error().code, ErrorCode::corrupt);
  EXPECT_NE(started.error().text.find("the log begins behind position 2"), std::string::npos) << started.error().text;
}

// C-04: the first failure ends the log; G-13: for every group of the node at once.
TEST_F(HostTest, AFailedLogStopsEveryReplica) {
  start_both();
  Cluster::Life& life = cluster_.life(1);
  life.files->fail_next_write = true;
  effects(1, 0, 1, [](FakeCore::Script& core) {
    const Io io = core.persist({put(1, 1, "a")});
    core.emit(Send{NodeId(2), Buffer::copy_of("ack"), std::nullopt, io});
  });
  EXPECT_NE(life.stopped.find("the write-ahead log failed"), std::string::npos) << life.stopped;
  (void)told(0);
  (void)told(1);
  (void)told(2);
  EXPECT_FALSE(life.host->replica(GroupId(2)).propose(Context(1), Buffer::copy_of("x"), {}));
  cluster_.run(500ms);
  EXPECT_TRUE(told(0).empty());
  EXPECT_TRUE(told(1).empty());
  EXPECT_EQ(told(2), Events{}) << "the acknowledgement never left";
}

TEST_F(HostTest, AFailedEngineStopsEveryReplica) {
  start_both();
  Cluster::Life& life = cluster_.life(1);
  life.records->behaviour.fail_flushes_per_million = 1'000'000;
  effects(1, 0, 1, [](FakeCore::Script& core) {
    core.persist({put(1, 1, "a")});
    core.emit(Commit{Position(1)});
  });
  cluster_.run(500ms);
  EXPECT_NE(life.stopped.find("the record store failed"), std::string::npos) << life.stopped;
}

TEST_F(HostTest, AStalledEnginePushesBack) {
  start_both();
  Replica& replica = cluster_.life(1).host->replica(GroupId(1));
  cluster_.life(1).records->behaviour.stalled = true;
  EXPECT_FALSE(replica.propose(Context(1), Buffer::copy_of("x"), {}));
  cluster_.life(1).records->behaviour.stalled = false;
  EXPECT_TRUE(replica.propose(Context(2), Buffer::copy_of("x"), {}));
}

TEST_F(HostTest, AGroupThatTheConfigurationForgotIsAnError) {
  start_both();
  effects(1, 1, 2, [](FakeCore::Script& core) { core.persist({put(1, 1, "a")}); });
  cluster_.run(10ms);
  cluster_.kill(1);
  cluster_.options.groups = 1;
  const Status started = cluster_.start(1);
  ASSERT_FALSE(started.has_value());
  EXPECT_NE(started.error().text.find("group 2"), std::string::npos);
}

}  // namespace
}  // namespace quorate::group
