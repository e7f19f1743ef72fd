// Replicas of protocols without a log on the node's log: cells are decided once, the same everywhere, over restarts and
// damage; the log keeps them without being pinned by them.

#include <random>

#include <gtest/gtest.h>

#include "group/cluster_for_test.h"
#include "protocols/each_protocol_for_test.h"

namespace quorate::group {
namespace {

using namespace std::chrono_literals;
using consensus::Loss;

class CellsTest : public testing::TestWithParam<const consensus::Protocol*> {
 protected:
  void SetUp() override {
    for (std::uint64_t i = 1; i <= 3; ++i) {
      ASSERT_TRUE(cluster_.start(i).has_value());
    }
  }
  /// Three nodes propose for each of the next `count` cells at once.
  void compete(int count) {
    for (int i = 0; i < count; ++i) {
      const std::string cell = "cell " + std::to_string(++last_cell_);
      for (std::uint64_t node = 1; node <= 3; ++node) {
        if (cluster_.nodes[node - 1].life != nullptr) {
          ASSERT_TRUE(cluster_.propose_cell(node, 1, cell, cell + " of n" + std::to_string(node)));
        }
      }
      if (i % 16 == 15) {
        cluster_.run(5ms);
      }
    }
  }
  /// Every live node knows every cell.
  [[nodiscard]] bool all_known() {
    const std::map<std::string, std::string>* first = nullptr;
    for (std::uint64_t node = 1; node <= 3; ++node) {
      if (cluster_.nodes[node - 1].life == nullptr) {
        continue;
      }
      const auto& cells = cluster_.machine(node, 1).cells;
      if (cells.size() != last_cell_ || (first != nullptr && cells != *first)) {
        return false;
      }
      first = &cells;
    }
    return true;
  }
  /// Whoever does not know a cell asks.
  void learn_the_rest() {
    for (std::uint64_t node = 1; node <= 3; ++node) {
      if (cluster_.nodes[node - 1].life == nullptr) {
        continue;
      }
      for (std::uint64_t cell = 1; cell <= last_cell_; ++cell) {
        const std::string name = "cell " + std::to_string(cell);
        if (!cluster_.machine(node, 1).cells.contains(name)) {
          cluster_.life(node)
              .host->replica(GroupId(1))
              .read_cell(Context(++cluster_.last_context), Buffer::copy_of(name));
        }
      }
    }
  }
  [[nodiscard]] bool is_whole(std::uint64_t node) {
    const consensus::CoreStatus status = cluster_.life(node).host->replica(GroupId(1)).status();
    return status.loss.kind == Loss::Kind::none && !status.uncertain_tail;
  }
  [[nodiscard]] Loss::Kind loss_of(std::uint64_t node) {
    return cluster_.life(node).host->replica(GroupId(1)).status().loss.kind;
  }

  std::mt19937_64 random_{11};
  Cluster cluster_{
      {.groups = 1, .factory = GetParam()->cores, .log = {.segment_bytes = 16U << 10, .cache_bytes = 4U << 10}}};
  std::uint64_t last_cell_ = 0;
};
INSTANTIATE_TEST_SUITE_P(All, CellsTest, protocols::each_of_cells(), protocols::name_of_case);

TEST_P(CellsTest, AreDecidedOnceWhoeverCompetes) {
  compete(200);
  ASSERT_TRUE(cluster_.run_until([this] { return all_known(); }));
  // Many cells share one write: three proposers wrote each cell about three times.
  const storage::LogStats& log = cluster_.life(1).host->log_stats();
  EXPECT_LT(log.syncs, last_cell_) << log.frames << " frames";
}

TEST_P(CellsTest, SurviveThatAllLosePower) {
  compete(100);
  ASSERT_TRUE(cluster_.run_until([this] { return all_known(); }));
  const std::map<std::string, std::string> before = cluster_.machine(1, 1).cells;
  for (std::uint64_t node = 1; node <= 3; ++node) {
    cluster_.kill(node);
  }
  for (std::uint64_t node = 1; node <= 3; ++node) {
    ASSERT_TRUE(cluster_.start(node).has_value());
  }
  learn_the_rest();
  ASSERT_TRUE(cluster_.run_until([this] { return all_known(); }));
  EXPECT_EQ(cluster_.machine(2, 1).cells, before);
}

/// A decided cell is never written again by its core. The log moves it out of the way of what is overwritten.
TEST_P(CellsTest, DoNotPinTheLog) {
  compete(20);
  ASSERT_TRUE(cluster_.run_until([this] { return all_known(); }));
  const std::map<std::string, std::string> before = cluster_.machine(1, 1).cells;
  std::uint64_t most = 0;
  for (int i = 0; i < 3000; ++i) {  // each asks for promises, and decides nothing
    cluster_.life(1).host->replica(GroupId(1)).read_cell(Context(++cluster_.last_context), Buffer::copy_of("open"));
    cluster_.run(1ms);
    most = std::max(most, cluster_.life(1).host->log_stats().live_segments);
  }
  const storage::LogStats& log = cluster_.life(1).host->log_stats();
  EXPECT_GT(log.bytes_written, 10 * (16U << 10));
  EXPECT_LT(most, 8U);
  EXPECT_GT(log.rewritten_bytes, 0U);
  for (std::uint64_t node = 1; node <= 3; ++node) {
    cluster_.kill(node);
    ASSERT_TRUE(cluster_.start(node).has_value());
    EXPECT_EQ(cluster_.machine(node, 1).cells, before) << "nobody was asked";
  }
}

TEST_P(CellsTest, ADamagedNodeIsRepairedByTheOthers) {
  int promises = 0;
  for (int round = 0; round < 60 && !HasFailure(); ++round) {
    SCOPED_TRACE(round);
    compete(8);
    cluster_.run(std::chrono::milliseconds(random_() % 30));
    const std::uint64_t victim = 1 + random_() % 3;
    cluster_.kill(victim);
    storage::TestDisk& disk = cluster_.nodes[victim - 1].disk;
    const storage::TestDisk whole = disk;
    std::vector<std::pair<storage::TestDisk::Content*, std::size_t>> places;
    for (auto& [name, content] : disk.files) {
      content.durable = content.current();
      content.unsynced.clear();
      for (std::size_t at = 4096; at < content.durable.size(); ++at) {
        if (content.durable[at] != '\0') {
          places.emplace_back(&content, at);
        }
      }
    }
    const auto& [content, at] = places[random_() % places.size()];
    content->durable[at] ^= static_cast<char>(1U << random_() % 8);
    compete(4);
    if (const Status started = cluster_.start(victim); !started.has_value()) {
      EXPECT_EQ(started.error().code, ErrorCode::corrupt) << started.error().text;
      disk = whole;
      cluster_.nodes[victim - 1].life.reset();
      ASSERT_TRUE(cluster_.start(victim).has_value());
    }
    promises += loss_of(victim) == Loss::Kind::promises ? 1 : 0;
    // While it is not whole nobody else may be damaged: two of three who do not know would wait for ever.
    ASSERT_TRUE(cluster_.run_until([&] { return is_whole(victim); })) << "it votes again";
    learn_the_rest();
    ASSERT_TRUE(cluster_.run_until([this] { return all_known(); }));
  }
  EXPECT_GT(promises, 10) << "so often it did not know what it had promised";
}

}  // namespace
}  // namespace quorate::group
