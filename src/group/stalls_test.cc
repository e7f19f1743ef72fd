// Nodes that stand still, disks that are slow, power that fails on one of three: what is executed stays one sequence,
// and the others are not held up.

#include <random>

#include <gtest/gtest.h>

#include "group/cluster_for_test.h"
#include "protocols/each_protocol_for_test.h"

namespace quorate::group {
namespace {

using namespace std::chrono_literals;

class StallsTest : public testing::TestWithParam<const consensus::Protocol*> {
 protected:
  void SetUp() override {
    for (std::uint64_t i = 1; i <= cluster_.nodes.size(); ++i) {
      ASSERT_TRUE(cluster_.start(i).has_value());
    }
    ASSERT_TRUE(cluster_.run_until([this] { return cluster_.all_led(); }));
  }
  /// Proposes one command to each group and waits until its leader has executed it; how long that took.
  Duration write_one() {
    std::map<std::uint64_t, std::string> commands;
    for (std::uint64_t group = 1; group <= cluster_.options.groups; ++group) {
      commands[group] = std::to_string(++written_);
      EXPECT_TRUE(cluster_.propose(group, commands[group]));
    }
    Duration took{};
    const auto is_executed = [&](std::uint64_t group) {
      const std::uint64_t leader = cluster_.leader_of(group);
      const auto& journal = cluster_.machine(leader == 0 ? 1 : leader, group).journal;
      return !journal.empty() && journal.rbegin()->second == commands[group];
    };
    while (took < 20s && !(is_executed(1) && is_executed(2) && is_executed(3))) {
      cluster_.run(1ms);
      took += 1ms;
    }
    return took;
  }
  [[nodiscard]] std::vector<Tag> tags() {
    std::vector<Tag> result;
    for (std::uint64_t group = 1; group <= cluster_.options.groups; ++group) {
      Tag highest;
      for (std::uint64_t node = 1; node <= 3; ++node) {
        highest = std::max(highest, cluster_.life(node).host->replica(GroupId(group)).status().tag);
      }
      result.push_back(highest);
    }
    return result;
  }
  /// All that any node has executed, ever: one command a position.
  void watch_execution() {
    for (std::uint64_t node = 1; node <= 3; ++node) {
      for (std::uint64_t group = 1; cluster_.nodes[node - 1].life != nullptr && group <= 3; ++group) {
        const auto& journal = cluster_.machine(node, group).journal;
        for (auto at = journal.lower_bound(watched_[{node, group}]); at != journal.end(); ++at) {
          const auto [known, added] = executed_[group].emplace(*at);
          ASSERT_EQ(known->second, at->second) << "group " << group << ", position " << at->first;
          watched_[{node, group}] = at->first;
        }
      }
    }
  }
  void run_watched(Duration time) {
    for (Duration passed{}; passed < time && !HasFatalFailure(); passed += 5ms) {
      cluster_.run(5ms);
      watch_execution();
    }
  }

  Cluster cluster_{{.factory = GetParam()->cores}};
  std::uint64_t written_ = 0;
  std::map<std::uint64_t, std::map<std::uint64_t, std::string>> executed_;
  std::map<std::pair<std::uint64_t, std::uint64_t>, std::uint64_t> watched_;  ///< up to where each was seen
};
INSTANTIATE_TEST_SUITE_P(All, StallsTest, protocols::each_ordered(), protocols::name_of_case);

// O-06: who does not take what is sent to it holds up nobody, and no more than a window is on its way to it.
TEST_P(StallsTest, AFollowerThatStandsStillHoldsUpNobody) {
  const std::uint64_t leader = cluster_.leader_of(1);
  const std::uint64_t still = leader % 3 + 1;
  cluster_.stand_still(still);
  std::uint64_t bytes = 0;
  for (int i = 0; i < 1000; ++i) {
    const std::string command = std::to_string(i) + std::string(20'000, '.');
    ASSERT_TRUE(cluster_.propose(1, command));
    bytes += command.size();
    Duration took{};
    while (cluster_.machine(leader, 1).journal.empty() ||
           cluster_.machine(leader, 1).journal.rbegin()->second != command) {
      cluster_.run(1ms);
      took += 1ms;
      ASSERT_LT(took, 10ms) << i;
    }
  }
  EXPECT_GT(bytes, 19U << 20);
  EXPECT_LT(cluster_.network.waiting_bytes(still), 4U << 20);
  cluster_.go_on(still);
  EXPECT_TRUE(cluster_.run_until([this] { return cluster_.all_led() && cluster_.all_equal(); }));
}

// O-07.
TEST_P(StallsTest, AMajorityOfSlowDisksMakesWritesSlowAndElectsNobody) {
  ASSERT_LT(write_one(), 20ms);
  const std::uint64_t leader = cluster_.leader_of(1);
  for (const std::uint64_t node : {leader, leader % 3 + 1}) {
    cluster_.nodes[node - 1].disk_delay = 150ms;
  }
  const std::vector<Tag> before = tags();
  Duration slowest{};
  for (int i = 0; i < 100; ++i) {
    slowest = std::max(slowest, write_one());
  }
  EXPECT_LT(slowest, 1s);
  EXPECT_GT(slowest, 140ms);
  EXPECT_EQ(tags(), before) << "nobody was elected";
  for (Cluster::Node& node : cluster_.nodes) {
    node.disk_delay = {};
  }
  cluster_.run(1s);
  EXPECT_LT(write_one(), 20ms);
  EXPECT_TRUE(cluster_.run_until([this] { return cluster_.all_equal(); }));
}

// O-07: where every disk needs longer than an election time-out nobody may lead for long, since an election waits for
// disks as well. But nobody campaigns more often than that either, and it is over with its cause.
TEST_P(StallsTest, DisksSlowerThanAnElectionMakeNoStorm) {
  for (Cluster::Node& node : cluster_.nodes) {
    node.disk_delay = 1500ms;
  }
  std::map<std::uint64_t, int> campaigns;
  std::map<std::pair<std::uint64_t, std::uint64_t>, consensus::Role> roles;
  for (int second = 0; second < 60; ++second) {
    (void)cluster_.propose(static_cast<std::uint64_t>(second) % 3 + 1, std::to_string(++written_));
    for (int i = 0; i < 200; ++i) {
      cluster_.run(5ms);
      for (std::uint64_t node = 1; node <= 3; ++node) {
        for (std::uint64_t group = 1; group <= 3; ++group) {
          const consensus::Role role = cluster_.life(node).services[group - 1]->role;
          const bool is_news = std::exchange(roles[{node, group}], role) != role;
          campaigns[group] += is_news && role == consensus::Role::candidate ? 1 : 0;
        }
      }
    }
  }
  for (const auto& [group, count] : campaigns) {
    EXPECT_LT(count, 60) << "group " << group;
  }
  for (Cluster::Node& node : cluster_.nodes) {
    node.disk_delay = {};
  }
  ASSERT_TRUE(cluster_.run_until([this] { return cluster_.all_led() && cluster_.all_equal(); }));
  cluster_.run(1s);
  EXPECT_LT(write_one(), 20ms);
}

// C-06, F-P3: power fails on one node, and a pause and a cut steer who confirms a write and who elects the next leader:
// the leader and the one whose power fails confirm it, that one and the third elect.
TEST_P(StallsTest, OnePowerLossAndPausesDoNotSplitTheCluster) {
  std::mt19937_64 random(5);
  for (int round = 0; round < 60 && !HasFatalFailure(); ++round) {
    SCOPED_TRACE("round " + std::to_string(round));
    const std::uint64_t leader = cluster_.leader_of(random() % 3 + 1);
    const std::uint64_t dark = (leader + random() % 2) % 3 + 1;
    const std::uint64_t third = 6 - leader - dark;
    const auto propose_some = [&] {
      for (std::uint64_t group = 1; group <= 3; ++group) {
        for (std::uint64_t i = random() % 8; i > 0; --i) {
          (void)cluster_.propose(group, std::to_string(++written_));
        }
      }
    };
    cluster_.network.cut.insert(third);
    cluster_.nodes[dark - 1].disk_delay = Duration(1ms) * (random() % 40);
    propose_some();
    run_watched(Duration(1ms) * (random() % 60));
    cluster_.kill(dark);
    cluster_.nodes[dark - 1].disk.lose_power([&random](const storage::TestDisk::Write& write) {
      const std::size_t kept = random() % 3 == 0 ? write.bytes.size() : random() % 2 * (random() % write.bytes.size());
      return storage::TestDisk::Ranges{{0, kept}};
    });
    cluster_.nodes[dark - 1].disk_delay = {};
    cluster_.stand_still(leader);
    cluster_.network.cut.clear();
    const Status started = cluster_.start(dark);
    ASSERT_TRUE(started.has_value()) << started.error().text;
    for (int i = 0; i < 4; ++i) {
      propose_some();
      run_watched(Duration(1ms) * (random() % 1000));
    }
    cluster_.go_on(leader);
    propose_some();
    run_watched(Duration(1ms) * (random() % 300));
    ASSERT_TRUE(cluster_.run_until([this] { return cluster_.all_led(); }));
  }
  ASSERT_TRUE(cluster_.run_until([this] { return cluster_.all_equal(); }));
  watch_execution();
  for (const auto& [group, commands] : executed_) {
    EXPECT_EQ(cluster_.machine(1, group).journal, commands) << "what somebody has executed stays";
    EXPECT_GT(commands.size(), 100U);
  }
}

}  // namespace
}  // namespace quorate::group
