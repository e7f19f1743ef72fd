// Three nodes in one process, three groups each, the cores of each protocol: whole hosts over disks, network and
// engines in memory.

#include <algorithm>
#include <optional>
#include <random>

#include <gtest/gtest.h>

#include "group/cluster_for_test.h"
#include "protocols/each_protocol_for_test.h"

namespace quorate::group {
namespace {

using namespace std::chrono_literals;

class ClusterTest : public testing::TestWithParam<const consensus::Protocol*> {
 protected:
  void start_all() {
    for (std::uint64_t i = 1; i <= cluster_.nodes.size(); ++i) {
      const Status started = cluster_.start(i);
      ASSERT_TRUE(started.has_value()) << started.error().text;
    }
    ASSERT_TRUE(cluster_.run_until([this] { return cluster_.all_led(); })) << history();
  }
  /// What happened so far, for a failure's message.
  [[nodiscard]] std::string history() const {
    std::string text;
    for (const auto& [name, count] : cluster_.traces.counts) {
      text += name + " " + std::to_string(count) + "\n";
    }
    return text;
  }
  /// Proposes `count` commands to each group, in batches, and waits until the leader's machine has them.
  void propose(int count, const std::string& name) {
    for (std::uint64_t group = 1; group <= cluster_.options.groups; ++group) {
      for (int i = 0; i < count; ++i) {
        const std::string command = name + std::to_string(group) + "/" + std::to_string(i);
        if (cluster_.propose(group, command)) {
          expected_[group].push_back(command);
        }
        if (i % 50 == 49) {
          cluster_.run(1ms);
        }
      }
    }
  }
  /// Group 1 gets `target` from its leader, and every node that is in it knows that it is committed.
  void change_membership(const consensus::Membership& target) {
    ASSERT_TRUE(cluster_.run_until([this] { return cluster_.all_led() && all_executed(); })) << history();
    const Context context(++changes_ + 1'000'000);
    cluster_.life(cluster_.leader_of(1)).host->replica(GroupId(1)).reconfigure(context, target, {});
    ASSERT_TRUE(cluster_.run_until([&] {
      return cluster_.leader_of(1) != 0 && std::ranges::all_of(target.voters, [&](NodeId node) {
               const consensus::ConfigurationChanged& seen = cluster_.life(node.value()).services[0]->last_change;
               return seen.committed && seen.membership == target && target.is_voter(NodeId(cluster_.leader_of(1)));
             });
    })) << history()
        << positions();
  }
  /// Everything that was proposed without a fault around it is there, in order, on every live node.
  void expect_all_there() {
    ASSERT_TRUE(cluster_.run_until([this] { return cluster_.all_led() && cluster_.all_equal() && all_executed(); }))
        << history();
    for (std::uint64_t group = 1; group <= cluster_.options.groups; ++group) {
      for (std::uint64_t node = 1; node <= cluster_.nodes.size(); ++node) {
        if (cluster_.nodes[node - 1].life == nullptr) {
          continue;
        }
        std::vector<std::string> commands;
        for (const auto& [position, command] : cluster_.machine(node, group).journal) {
          commands.push_back(command);
        }
        EXPECT_EQ(commands, expected_[group]) << "node " << node << ", group " << group;
      }
    }
  }
  [[nodiscard]] std::string positions() {
    std::string text;
    for (std::uint64_t node = 1; node <= cluster_.nodes.size(); ++node) {
      for (std::uint64_t group = 1; cluster_.nodes[node - 1].life != nullptr && group <= cluster_.options.groups;
           ++group) {
        const consensus::CoreStatus status = cluster_.life(node).host->replica(GroupId(group)).status();
        text += "node " + std::to_string(node) + " group " + std::to_string(group) + " role " +
                std::to_string(static_cast<int>(status.role)) + " term " + std::to_string(status.tag.value()) +
                " last " + std::to_string(status.last.value()) + " commit " + std::to_string(status.commit.value()) +
                " executed " + std::to_string(cluster_.machine(node, group).executed().value()) + " everywhere " +
                std::to_string(status.everywhere.value()) + "\n";
      }
    }
    return text;
  }
  [[nodiscard]] bool all_executed() {
    for (std::uint64_t group = 1; group <= cluster_.options.groups; ++group) {
      const std::uint64_t leader = cluster_.leader_of(group);
      if (leader == 0 || cluster_.machine(leader, group).journal.size() < expected_[group].size()) {
        return false;
      }
    }
    return true;
  }
  /// A follower of group 1 is cut off while the others write on and cut their logs; then it is back.
  std::uint64_t leave_one_behind(int entries = 400) {
    const std::uint64_t victim = follower_of(1);
    cluster_.network.cut.insert(victim);
    EXPECT_TRUE(cluster_.run_until([this] { return cluster_.all_led(); }));
    propose(entries, "meanwhile ");
    EXPECT_TRUE(cluster_.run_until([this] { return all_executed(); }));
    cluster_.run(1s);  // flushes, and cuts the logs
    cluster_.network.cut.clear();
    return victim;
  }
  [[nodiscard]] int count(const std::string& trace) { return cluster_.traces.counts[trace]; }
  [[nodiscard]] std::uint64_t follower_of(std::uint64_t group) const { return cluster_.leader_of(group) % 3 + 1; }

  std::uint64_t changes_ = 0;
  Cluster cluster_{{.factory = GetParam()->cores}};
  std::map<std::uint64_t, std::vector<std::string>> expected_;
};
INSTANTIATE_TEST_SUITE_P(All, ClusterTest, protocols::each_ordered(), protocols::name_of_case);

TEST_P(ClusterTest, AThousandEntriesReachEveryReplicaOfEveryGroup) {
  start_all();
  propose(1000, "first ");
  expect_all_there();
}

TEST_P(ClusterTest, AKilledNodeComesBackWithEverything) {
  start_all();
  propose(300, "before ");
  expect_all_there();
  const std::uint64_t victim = follower_of(1);
  cluster_.kill(victim);
  ASSERT_TRUE(cluster_.run_until([this] { return cluster_.all_led(); }));
  propose(300, "without ");
  ASSERT_TRUE(cluster_.run_until([this] { return all_executed(); }));
  ASSERT_TRUE(cluster_.start(victim).has_value());
  expect_all_there();
}

// M-08: who was removed comes back as a new voter and gets everything; the leader itself can be removed.
TEST_P(ClusterTest, MembersLeaveAndComeBackWhileTheOthersGoOn) {
  cluster_.options.flush_interval = 1h;  // the log stays whole: who comes back gets everything from it
  start_all();
  propose(100, "before ");
  expect_all_there();
  for (std::uint64_t turn = 0; turn < 2; ++turn) {
    const std::uint64_t leaver = turn == 0 ? follower_of(1) : cluster_.leader_of(1);
    consensus::Membership fewer;
    for (std::uint64_t node = 1; node <= 3; ++node) {
      if (node != leaver) {
        fewer.voters.emplace_back(node);
      }
    }
    change_membership(fewer);
    EXPECT_NE(cluster_.leader_of(1), leaver);
    propose(100, turn == 0 ? "without a follower " : "without the old leader ");
    change_membership({.voters = {NodeId(1), NodeId(2), NodeId(3)}, .outgoing_voters = {}, .learners = {}});
  }
  expect_all_there();
  EXPECT_EQ(cluster_.life(cluster_.leader_of(2)).services[1]->last_change.id, EntryId()) << "the other groups stay";
}

TEST_P(ClusterTest, ARefusedChangeOfTheMembershipIsToldOnce) {
  start_all();
  cluster_.life(follower_of(1)).host->replica(GroupId(1)).reconfigure(Context(1'000'000), {}, {});
  ASSERT_TRUE(cluster_.run_until([this] { return cluster_.life(follower_of(1)).services[0]->refused == 1; }));
}

// G-10, F-P2.
TEST_P(ClusterTest, AllAtOnceKilledTheyComeBackWithEverything) {
  start_all();
  propose(300, "before ");
  expect_all_there();
  for (std::uint64_t i = 1; i <= 3; ++i) {
    cluster_.kill(i);
  }
  start_all();
  expect_all_there();
  propose(100, "after ");
  expect_all_there();
}

// G-10.
TEST_P(ClusterTest, AnIdleGroupDoesNotPinTheLog) {
  start_all();
  propose(100, "once ");
  expect_all_there();
  for (int i = 0; i < 80; ++i) {  // only group 1 goes on
    for (int j = 0; j < 100; ++j) {
      const std::string command = std::string(100, '.') + "more " + std::to_string(i * 100 + j);
      ASSERT_TRUE(cluster_.propose(1, command));
      expected_[1].push_back(command);
    }
    cluster_.run(20ms);
  }
  expect_all_there();
  cluster_.run(3s);
  for (std::uint64_t node = 1; node <= 3; ++node) {
    const storage::LogStats& stats = cluster_.life(node).host->log_stats();
    EXPECT_GT(stats.bytes_written, 12 * cluster_.options.log.segment_bytes);
    // Old records move when a segment ends. What members have is told late, at the latest after 256 positions.
    EXPECT_LE(stats.live_segments, cluster_.options.log.rewrite_from_segments + 2) << "node " << node;
    EXPECT_GT(stats.recycled_segments, 0U);
  }
}

// G-11: groups in which nothing happens find out as soon as others that their leader is gone, each by itself, once.
TEST_P(ClusterTest, IdleGroupsNoticeALostLeader) {
  cluster_.options.groups = 20;
  start_all();
  cluster_.run(30s);
  std::map<std::uint64_t, Tag> before;
  std::map<std::uint64_t, std::uint64_t> led_by;
  std::map<std::uint64_t, int> groups_of;
  for (std::uint64_t group = 1; group <= 20; ++group) {
    led_by[group] = cluster_.leader_of(group);
    before[group] = cluster_.life(led_by[group]).host->replica(GroupId(group)).status().tag;
    ++groups_of[led_by[group]];
  }
  const std::uint64_t lost =
      std::ranges::max_element(groups_of, {}, [](const auto& each) { return each.second; })->first;
  cluster_.network.cut.insert(lost);
  ASSERT_TRUE(cluster_.run_until([this] { return cluster_.all_led(); }, 4s)) << positions();
  cluster_.run(10s);
  for (std::uint64_t group = 1; group <= 20; ++group) {
    const std::uint64_t leader = cluster_.leader_of(group);
    ASSERT_NE(leader, 0U) << "group " << group;
    const Tag after = cluster_.life(leader).host->replica(GroupId(group)).status().tag;
    if (led_by[group] != lost) {
      EXPECT_EQ(after, before[group]) << "group " << group << " had nothing to notice";
    } else {
      EXPECT_GT(after, before[group]) << "group " << group;
    }
  }
  propose(1, "awake ");
  cluster_.network.cut.clear();
  expect_all_there();
}

TEST_P(ClusterTest, AFollowerThatWasCutOffCatchesUpFromTheDisk) {
  cluster_.options.log.cache_bytes = 2048;
  start_all();
  const std::uint64_t victim = follower_of(1);
  cluster_.network.cut.insert(victim);
  ASSERT_TRUE(cluster_.run_until([this] { return cluster_.all_led(); }));
  propose(500, "meanwhile ");
  ASSERT_TRUE(cluster_.run_until([this] { return all_executed(); }));
  cluster_.network.cut.clear();
  expect_all_there();
  EXPECT_GT(cluster_.traces.counts["group.send_fetches"], 0);
}

/// Little of the log is kept: whoever is away needs a snapshot.
class SnapshotTest : public ClusterTest {
 protected:
  SnapshotTest() { cluster_.options.tail_entries = 20; }
};
INSTANTIATE_TEST_SUITE_P(All, SnapshotTest, protocols::each_ordered(), protocols::name_of_case);

// N-01, I-55: a member that is away does not pin the logs of the others, and comes back by a snapshot.
TEST_P(SnapshotTest, WhoWasAwayForLongGetsASnapshot) {
  start_all();
  propose(200, "before ");
  expect_all_there();
  const std::uint64_t victim = leave_one_behind();
  for (std::uint64_t node = 1; node <= 3; ++node) {
    EXPECT_TRUE(node == victim || cluster_.life(node).host->log_stats().live_segments <= 2) << node;
  }
  expect_all_there();
  EXPECT_EQ(count("group.snapshot_installed"), 3) << "one for each group\n" << history();
  EXPECT_EQ(count("group.snapshot_sent"), 3);
  propose(100, "after ");
  expect_all_there();
  ASSERT_FALSE(cluster_.life(victim).services[0]->news.empty());
  const SnapshotNews& last = cluster_.life(victim).services[0]->news.back();
  EXPECT_EQ(last.what, SnapshotNews::What::received);
  EXPECT_GT(last.records, 400U);
}

/// A sender that was started again knows of changes of the members only from its log.
TEST_P(SnapshotTest, BringsTheMembersThatTheSendersLogHas) {
  const consensus::Membership target{.voters = {NodeId(1), NodeId(2)}, .outgoing_voters = {}, .learners = {NodeId(3)}};
  const auto restart_the_others = [this] {
    for (const std::uint64_t node : {1, 2}) {
      cluster_.kill(node);
      ASSERT_TRUE(cluster_.start(node).has_value());
    }
    ASSERT_TRUE(cluster_.run_until([this] { return cluster_.all_led(); }));
  };
  start_all();
  cluster_.network.cut.insert(3);
  ASSERT_TRUE(cluster_.run_until([this] { return cluster_.all_led(); }));
  propose(400, "meanwhile ");
  ASSERT_TRUE(cluster_.run_until([this] { return all_executed(); }));
  cluster_.run(1s);  // flushes, and cuts the logs
  cluster_.options.tail_entries = 1000;
  restart_the_others();  // from now on nothing is cut: the change stays in the log, behind what node 3 has
  change_membership(target);
  cluster_.run(1s);  // flushes: the change is executed for good
  restart_the_others();
  cluster_.network.cut.clear();
  expect_all_there();
  EXPECT_EQ(count("group.snapshot_installed"), 3);
  EXPECT_EQ(cluster_.life(3).host->replica(GroupId(1)).status().membership, target);
}

TEST_P(SnapshotTest, AShortAbsenceIsRepairedFromTheLog) {
  cluster_.options.tail_entries = 1000;
  start_all();
  (void)leave_one_behind();
  expect_all_there();
  EXPECT_EQ(count("group.snapshot_offered"), 0);
}

// The new state is this node's for good: with its old records gone, it starts again from the new ones.
TEST_P(SnapshotTest, WhatWasInstalledSurvivesEveryCrash) {
  start_all();
  const std::uint64_t victim = leave_one_behind();
  expect_all_there();
  for (int i = 0; i < 3; ++i) {
    cluster_.kill(victim);
    ASSERT_TRUE(cluster_.start(victim).has_value());
    expect_all_there();
  }
  for (std::uint64_t group = 1; group <= 3; ++group) {
    const auto old =
        cluster_.nodes[victim - 1].records.scan(state::RecordSpace{GroupId(group), Generation(1)}.first().view(),
                                                state::RecordSpace{GroupId(group), Generation(1)}.behind().view());
    EXPECT_FALSE(old->valid()) << "records of the generation before";
  }
}

// N-01, N-05: the receiver dies at any moment of receiving; the state before is whole, and then all of it is there.
TEST_P(SnapshotTest, TheReceiverMayDieAtAnyMoment) {
  cluster_.options.snapshot_bytes_per_second = 400'000;  // so that it takes a while
  start_all();
  std::uint64_t victim = leave_one_behind();
  int installed_before = 0;
  for (int i = 0; i < 60; ++i) {
    SCOPED_TRACE("killed " + std::to_string(i));
    if (count("group.snapshot_installed") >= installed_before + 3) {
      installed_before = count("group.snapshot_installed");
      expect_all_there();
      victim = leave_one_behind(60);
    }
    const int begun = count("group.snapshot_begun");
    cluster_.run_until([&] { return count("group.snapshot_begun") > begun; }, 200ms);
    cluster_.run(Duration(1ms) * (i * 7 % 90));
    cluster_.kill(victim);
    const Status started = cluster_.start(victim);
    ASSERT_TRUE(started.has_value()) << started.error().text;
  }
  expect_all_there();
  EXPECT_GT(count("group.snapshot_begun"), 20) << history();
}

TEST_P(SnapshotTest, TheSenderMayDieAtAnyMoment) {
  cluster_.options.snapshot_bytes_per_second = 100'000;
  start_all();
  for (int i = 0; i < 12; ++i) {
    SCOPED_TRACE("killed " + std::to_string(i));
    (void)leave_one_behind(60);
    cluster_.run_until([&] { return count("group.snapshot_begun") > 0; });
    cluster_.run(Duration(1ms) * (i * 11 % 70));
    const std::uint64_t leader = cluster_.leader_of(1);
    if (leader != 0) {
      cluster_.kill(leader);
      cluster_.run(Duration(100ms) * (i % 4));
      ASSERT_TRUE(cluster_.start(leader).has_value());
    }
    expect_all_there();
    cluster_.traces.counts["group.snapshot_begun"] = 0;
  }
}

// N-06: chunks are lost, and the link breaks: it goes on where it was.
TEST_P(SnapshotTest, ABrokenLinkDoesNotBeginAgain) {
  cluster_.options.snapshots.chunk_bytes = 200;
  start_all();
  const std::uint64_t victim = leave_one_behind();
  ASSERT_TRUE(cluster_.run_until([this] { return count("group.snapshot_begun") >= 3; }));
  cluster_.network.cut.insert(victim);
  cluster_.run(20ms);
  cluster_.network.cut.clear();
  expect_all_there();
  EXPECT_EQ(count("group.snapshot_begun"), 3) << history();
  EXPECT_GT(count("group.snapshot_chunks_repeated"), 0) << history();
}

// The sender gives up on who says nothing for long; the log does not wait for it.
TEST_P(SnapshotTest, WhoFallsSilentIsGivenUp) {
  cluster_.options.snapshot_bytes_per_second = 100'000;
  start_all();
  const std::uint64_t victim = leave_one_behind();
  ASSERT_TRUE(cluster_.run_until([this] { return count("group.snapshot_begun") > 0; }));
  cluster_.network.cut.insert(victim);
  ASSERT_TRUE(cluster_.run_until([this] { return count("group.snapshot_given_up") > 0; }, 5s)) << history();
  propose(300, "alone ");
  ASSERT_TRUE(cluster_.run_until([this] { return all_executed(); }));
  cluster_.network.cut.clear();
  expect_all_there();
}

TEST_P(SnapshotTest, TheSnapshotIsNoFasterThanAllowed) {
  cluster_.options.snapshot_bytes_per_second = 10'000;
  start_all();
  (void)leave_one_behind(2000);
  expect_all_there();
  Duration longest{};
  std::uint64_t bytes = 0;
  for (std::uint64_t node = 1; node <= 3; ++node) {
    for (const auto& service : cluster_.life(node).services) {
      for (const SnapshotNews& news : service->news) {
        if (news.what == SnapshotNews::What::sent) {
          longest = std::max(longest, news.took);
          bytes += news.bytes;
        }
      }
    }
  }
  EXPECT_GT(bytes, 50'000U);
  EXPECT_GT(longest, 3s);
}

/// Whole states of a group, as a backup would read them.
class Backups {
 public:
  /// Asks `node` for a view, which is read when all is over.
  void ask(Cluster& cluster, std::uint64_t node) {
    Replica& replica = cluster.life(node).host->replica(GroupId(1));
    asked_.push_back({replica.executed(), std::nullopt});
    replica.pin_records(Callback<PinnedRecords>::to<&Backups::on_pinned>(this, asked_.size() - 1));
  }
  /// Each is one state, the same at both walks, and has what was executed when it was asked for. How many there are.
  std::size_t check(const std::map<std::uint64_t, std::string>& history, std::uint64_t& oldest) {
    std::size_t views = 0;
    for (Asked& one : asked_) {
      if (!one.records) {
        continue;
      }
      ++views;
      EXPECT_GE(one.records->position, one.executed);
      oldest = std::min(oldest, one.records->position.value());
      for (const auto& walk : {one.records->first, one.records->second}) {
        std::map<std::uint64_t, std::string> journal;
        for (; walk->valid(); walk->next()) {
          std::uint64_t position = 0;
          for (const char byte : walk->key().substr(state::kSpaceBytes)) {
            position = position << 8 | static_cast<unsigned char>(byte);
          }
          if (position == 0) {
            EXPECT_EQ(codec::Reader(walk->value()).u64(), one.records->position.value());
          } else {
            journal[position] = std::string(walk->value());
          }
        }
        const std::map<std::uint64_t, std::string> expected(history.begin(),
                                                            history.upper_bound(one.records->position.value()));
        EXPECT_EQ(journal, expected) << "at " << one.records->position.value();
      }
    }
    return views;
  }

 private:
  struct Asked {
    Position executed;
    std::optional<PinnedRecords> records;
  };
  void on_pinned(std::uint64_t number, PinnedRecords records) { asked_[number].records = std::move(records); }
  std::vector<Asked> asked_;
};

// N-04: backups at any moment of an install, at both ends, while the logs are cut: each is a state that was.
TEST_P(SnapshotTest, ABackupDuringAnInstallIsOfOneState) {
  cluster_.options.snapshot_bytes_per_second = 400'000;
  start_all();
  propose(100, "before ");
  expect_all_there();
  const std::uint64_t victim = leave_one_behind(200);
  cluster_.nodes[victim - 1].disk_delay = 10ms;  // so that the new state serves for a while before it is durable
  Backups backups;
  backups.ask(cluster_, victim);
  const std::uint64_t before = cluster_.machine(victim, 1).executed().value();
  for (int i = 0; count("group.snapshot_installed") < 3 || i % 100 != 0; ++i) {
    ASSERT_LT(i, 5000) << history();
    backups.ask(cluster_, victim);
    backups.ask(cluster_, cluster_.leader_of(1));
    if (i % 10 == 0) {
      propose(1, "while " + std::to_string(i) + " ");
    }
    cluster_.run(1ms);
  }
  expect_all_there();
  std::uint64_t oldest = ~0ULL;
  EXPECT_GT(backups.check(cluster_.machine(victim, 1).journal, oldest), 100U);
  EXPECT_EQ(oldest, before) << "some are of the state before";
}

/// Five nodes, two of which need snapshots of every group at once.
class SnapshotStormTest : public SnapshotTest {
 protected:
  SnapshotStormTest() { cluster_.nodes = std::vector<Cluster::Node>(cluster_.options.nodes = 5); }
};
INSTANTIATE_TEST_SUITE_P(All, SnapshotStormTest, protocols::each_ordered(), protocols::name_of_case);

// N-09: together they are no faster than a node may send, and writes do not wait for them.
TEST_P(SnapshotStormTest, ManySnapshotsAtOnceHoldUpNoWrite) {
  constexpr std::uint64_t kBytesPerSecond = 50'000;
  cluster_.options.snapshot_bytes_per_second = kBytesPerSecond;
  cluster_.options.snapshots.patience = 10s;
  start_all();
  for (std::uint64_t node = 1, away = 0; away < 2; ++node) {
    const bool leads = node == cluster_.leader_of(1) || node == cluster_.leader_of(2) || node == cluster_.leader_of(3);
    if (!leads || node == 5) {
      cluster_.network.cut.insert(node);
      ++away;
    }
  }
  ASSERT_TRUE(cluster_.run_until([this] { return cluster_.all_led(); }));
  propose(1000, "meanwhile " + std::string(200, '.'));
  ASSERT_TRUE(cluster_.run_until([this] { return all_executed(); }));
  cluster_.run(1s);  // flushes, and cuts the logs
  cluster_.network.cut.clear();
  Duration slowest{};
  Duration lasted{};
  const auto step = [&] {
    cluster_.run(1ms);
    lasted += 1ms;
  };
  for (int i = 0; count("group.snapshot_installed") < 6; ++i) {
    ASSERT_LT(lasted, 60s) << history();
    propose(1, "storm " + std::to_string(i) + " ");
    Duration waited{};
    while (!all_executed()) {
      step();
      waited += 1ms;
      ASSERT_LT(waited, 5s) << history();
    }
    slowest = std::max(slowest, waited);
    for (int j = 0; j < 20; ++j) {
      step();
    }
  }
  EXPECT_LE(slowest, 10ms);
  expect_all_there();
  std::map<std::uint64_t, std::uint64_t> sent;
  for (std::uint64_t node = 1; node <= 5; ++node) {
    for (const auto& service : cluster_.life(node).services) {
      for (const SnapshotNews& news : service->news) {
        sent[node] += news.what == SnapshotNews::What::sent ? news.bytes : 0;
      }
    }
  }
  for (const auto& [node, bytes] : sent) {
    const double seconds = std::chrono::duration<double>(lasted).count();
    EXPECT_LT(static_cast<double>(bytes), kBytesPerSecond * (seconds + 1)) << "node " << node;
  }
}

// The service goes on while a snapshot is being received: who is behind serves what it has, and hears of the leader.
TEST_P(SnapshotTest, KillsEverywhereLoseNothing) {
  cluster_.options.tail_entries = 3;
  cluster_.options.flush_interval = 20ms;
  std::mt19937_64 random(11);
  start_all();
  for (int round = 0; round < 40; ++round) {
    propose(static_cast<int>(random() % 40), "r" + std::to_string(round) + " ");
    ASSERT_TRUE(cluster_.run_until([this] { return all_executed(); }));
    const std::uint64_t victim = random() % 3 + 1;
    if (random() % 2 == 0) {
      cluster_.network.cut.insert(victim);
      ASSERT_TRUE(cluster_.run_until([this] { return cluster_.all_led(); }));
    } else {
      cluster_.kill(victim);
    }
    ASSERT_TRUE(cluster_.run_until([this] { return cluster_.all_led(); }));
    propose(static_cast<int>(random() % 40), "without " + std::to_string(round) + " ");
    ASSERT_TRUE(cluster_.run_until([this] { return all_executed(); }));
    cluster_.run(Duration(1ms) * static_cast<int>(random() % 100));
    cluster_.network.cut.clear();
    if (cluster_.nodes[victim - 1].life == nullptr) {
      const Status started = cluster_.start(victim);
      ASSERT_TRUE(started.has_value()) << started.error().text;
    }
    cluster_.run(Duration(1ms) * static_cast<int>(random() % 30));
    ASSERT_TRUE(cluster_.run_until([this] { return cluster_.all_led(); }));
  }
  expect_all_there();
  EXPECT_GT(count("group.snapshot_installed"), 20) << history();
}

TEST_P(ClusterTest, ReadsAreServedByEveryNodeWithOneRoundATurn) {
  start_all();
  propose(10, "x ");
  expect_all_there();
  for (std::uint64_t node = 1; node <= 3; ++node) {
    for (std::uint64_t i = 0; i < 10; ++i) {
      cluster_.life(node).host->replica(GroupId(2)).read(Context(10'000 + i));
    }
    EXPECT_TRUE(cluster_.run_until([&] { return cluster_.life(node).services[1]->served == 10; }, 2s)) << node;
  }
}

TEST_P(ClusterTest, OneNodeAloneAcceptsNothingAndServesNoRead) {
  start_all();
  const std::uint64_t alone = cluster_.leader_of(1);
  cluster_.network.cut.insert(alone);
  Replica& replica = cluster_.life(alone).host->replica(GroupId(1));
  const Position before = replica.executed();
  (void)replica.propose(Context(99'999), Buffer::copy_of("lost"), {});
  replica.read(Context(99'998));
  cluster_.run(5s);
  EXPECT_EQ(replica.executed(), before);
  EXPECT_EQ(cluster_.life(alone).services[0]->served, 0);
  EXPECT_NE(cluster_.leader_of(1), 0U) << "the others go on";
  propose(20, "others ");
  cluster_.network.cut.clear();
  expect_all_there();
}

TEST_P(ClusterTest, KillsInTheMiddleOfWritesLoseNothingThatWasExecuted) {
  std::mt19937_64 random(7);
  start_all();
  std::map<std::uint64_t, std::map<std::uint64_t, std::string>> executed;  // group -> what some node executed
  for (int round = 0; round < 25; ++round) {
    for (std::uint64_t group = 1; group <= 3; ++group) {
      for (int i = 0; i < 30; ++i) {
        (void)cluster_.propose(group, "r" + std::to_string(round) + "-" + std::to_string(i));
      }
    }
    cluster_.run(Duration(1ms) * static_cast<int>(random() % 4));
    for (std::uint64_t node = 1; node <= 3; ++node) {
      for (std::uint64_t group = 1; group <= 3; ++group) {
        for (const auto& [position, command] : cluster_.machine(node, group).journal) {
          const auto [known, added] = executed[group].emplace(position, command);
          ASSERT_EQ(known->second, command) << "group " << group << ", position " << position;
        }
      }
    }
    const std::uint64_t victim = random() % 3 + 1;
    cluster_.kill(victim);
    cluster_.run(Duration(1ms) * static_cast<int>(random() % 300));
    const Status started = cluster_.start(victim);
    ASSERT_TRUE(started.has_value()) << started.error().text;
    ASSERT_TRUE(cluster_.run_until([this] { return cluster_.all_led(); }));
  }
  ASSERT_TRUE(cluster_.run_until([this] { return cluster_.all_equal(); })) << positions() << history();
  for (const auto& [group, entries] : executed) {
    for (const auto& [position, command] : entries) {
      EXPECT_EQ(cluster_.machine(1, group).journal[position], command);
    }
  }
}

}  // namespace
}  // namespace quorate::group
