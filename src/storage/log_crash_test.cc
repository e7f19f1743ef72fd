// The log against crashes at every write, torn in every way, and against damage of every byte.

#include <random>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "storage/log_random_replica_test.h"
#include "storage/log_test_node.h"

namespace quorate::storage {
namespace {

/// Which parts of an unsynced write survive: the ways in which disks fail.
TestDisk::Ranges random_survivors(const TestDisk::Write& write, std::mt19937_64& random) {
  const std::size_t size = write.bytes.size();
  switch (random() % 5) {
    case 0: return {};
    case 1: return {{0, size}};
    case 2: return {{0, random() % (size + 1)}};     // a prefix, torn at any byte
    case 3: return {{random() % (size + 1), size}};  // a suffix
    default: {
      TestDisk::Ranges ranges;  // any subset of the sectors
      for (std::size_t from = 0; from < size;) {
        const std::size_t to = std::min<std::size_t>(size, (write.offset + from) / 512 * 512 + 512 - write.offset);
        if (random() % 2 == 0) {
          ranges.emplace_back(from, to);
        }
        from = to;
      }
      return ranges;
    }
  }
}

/// What happened over all lives: a search that never met the hard cases proves nothing.
struct Met {
  std::uint64_t torn = 0;
  std::uint64_t uncertain = 0;
  std::uint64_t recycled = 0;
  std::uint64_t rewritten = 0;
};

void live_through_crashes(std::uint64_t seed, Met& met) {
  std::mt19937_64 random(seed);
  LogOptions options = small_log();
  options.segment_bytes = (8U << 10) << (random() % 3);
  options.rewrite_from_segments = 2 + random() % 3;
  LogNode node(options, seed);
  std::vector<RandomReplica> replicas;
  for (std::uint64_t group = 1; group <= 3; ++group) {
    replicas.emplace_back(node, group, seed * 7 + group);
  }
  for (int life = 0; life < 10; ++life) {
    const Status opened = node.open();
    ASSERT_TRUE(opened.has_value()) << "life " << life << ": " << opened.error().text;
    node.check_recovered();
    if (::testing::Test::HasFailure()) {
      FAIL() << "seed " << seed << ", life " << life;
    }
    met.torn += node.recovery.torn_bytes != 0 ? 1 : 0;
    met.uncertain += node.recovery.uncertain_tail ? 1 : 0;
    if (node.recovery.uncertain_tail && random() % 2 == 0) {
      node.log->tail_settled();
    }
    for (std::uint64_t steps = random() % 200; steps > 0; --steps) {
      replicas[random() % 100 < 80 ? 0 : random() % 3].append_something();
      if (random() % 3 != 0) {
        node.loop.end_turn();
      }
      for (std::uint64_t completions = random() % 4; completions > 0; --completions) {
        node.files->complete_one();
        node.loop.end_turn();
      }
      if (random() % 50 == 0) {
        node.settle();
        node.loop.pass(std::chrono::milliseconds(300));
      }
    }
    ASSERT_FALSE(node.failure.has_value());
    met.recycled += node.log->stats().recycled_segments;
    met.rewritten += node.log->stats().rewritten_bytes;
    node.loop.end_turn();
    node.kill();
    if (random() % 4 != 0) {
      node.disk.lose_power([&random](const TestDisk::Write& write) { return random_survivors(write, random); });
    }
    if (random() % 3 == 0) {
      // A crash in the middle of recovery, before anything it wrote is durable.
      ASSERT_TRUE(node.open().has_value());
      node.kill();
      node.disk.lose_power([&random](const TestDisk::Write& write) { return random_survivors(write, random); });
    }
  }
}

TEST(LogCrash, KeepsAPrefixWithEverythingConfirmed) {
  Met met;
  for (std::uint64_t seed = 1; seed <= 40 && !HasFailure(); ++seed) {
    live_through_crashes(seed, met);
  }
  EXPECT_GT(met.torn, 40U);
  EXPECT_GT(met.uncertain, 10U);
  EXPECT_GT(met.recycled, 200U);
  EXPECT_GT(met.rewritten, 10'000U);
}

/// A small log of two segments and several batches, with a damaged copy for each test.
class LogDamage : public ::testing::Test {
 protected:
  void write_log(bool marked, int appends = 18) {
    ASSERT_TRUE(node_.open().has_value());
    RandomReplica replica(node_, 1, 5);
    node_.append(2, {state_op("in the first segment")});
    for (int i = 0; i < appends; ++i) {
      replica.append_something();
      node_.settle();
    }
    if (marked) {
      node_.loop.pass(std::chrono::milliseconds(500));
      node_.settle();
    }
    node_.kill();
    disk_ = node_.disk;
    histories_ = node_.histories;
  }
  /// Opens the damaged disk. True: it gives everything confirmed. False: it refuses or says that it is uncertain.
  bool opens_whole() {
    node_.histories = histories_;
    const Status opened = node_.open();
    bool whole = false;
    if (!opened.has_value()) {
      EXPECT_TRUE(opened.error().code == ErrorCode::corrupt || opened.error().code == ErrorCode::newer_format);
      EXPECT_FALSE(opened.error().text.empty());
    } else if (node_.recovery.uncertain_tail) {
      for (auto& [group, history] : node_.histories) {
        history.confirmed = Io(0);  // it says that it may miss some: but never another history
      }
      node_.check_recovered();
    } else {
      node_.check_recovered();
      whole = true;
    }
    node_.kill();
    return whole;
  }

  LogNode node_{{.segment_bytes = 8U << 10, .cache_bytes = 0, .rewrite_from_segments = 100}};
  TestDisk disk_;
  std::map<GroupId, LogNode::History> histories_;
};

TEST_F(LogDamage, AFlippedBitAnywhereIsSeenOrHarmless) {
  for (const bool marked : {false, true}) {
    node_.disk = {};
    node_.histories.clear();
    write_log(marked);
    int refused = 0;
    int harmless = 0;
    for (const auto& [name, content] : disk_.files) {
      const std::size_t last = content.durable.find_last_not_of('\0') + 16;
      for (std::size_t at = 0; at < content.durable.size() && !HasFailure(); ++at) {
        const bool empty = content.durable[at] == '\0' && (at > 128 && at < 4096 ? true : at > last);
        if (empty && at % 61 != 0) {
          continue;  // the header block's empty part and the space behind the log
        }
        node_.disk = disk_;
        node_.disk.files[name].durable[at] ^= static_cast<char>(1 << (at % 8));
        SCOPED_TRACE(name + " byte " + std::to_string(at));
        (opens_whole() ? harmless : refused) += 1;
      }
    }
    EXPECT_GT(refused, 1000);
    EXPECT_GT(harmless, 100);
  }
}

TEST_F(LogDamage, BelowAMarkEveryDamageOfAFrameIsRefused) {
  write_log(true);
  const std::string name = "log/segment-000001";
  const std::string& bytes = disk_.files.at(name).durable;
  for (std::size_t at = 4096; at < bytes.size() && !HasFailure(); ++at) {
    if (ByteView(bytes).substr(at).find_first_not_of('\0') == ByteView::npos) {
      break;  // behind the log's end
    }
    node_.disk = disk_;
    node_.disk.files[name].durable[at] ^= 0x10;
    const Status opened = node_.open();
    EXPECT_TRUE(!opened.has_value() || !node_.recovery.uncertain_tail) << at;
    node_.kill();
  }
}

TEST_F(LogDamage, AWriteThatWasLostOrMisdirectedIsSeen) {
  write_log(true);
  for (const auto& [name, content] : disk_.files) {
    const std::size_t last = content.durable.find_last_not_of('\0');
    for (std::size_t block = 0; block + 512 <= content.durable.size() && !HasFailure(); block += 512) {
      if (block + 512 > last && block <= last) {
        continue;  // with the sector of the log's very end goes the proof that there was more
      }
      SCOPED_TRACE(name + " sector at " + std::to_string(block));
      node_.disk = disk_;
      node_.disk.files[name].durable.replace(block, 512, 512, '\0');
      opens_whole();
      for (const std::size_t from : {std::size_t{4096}, std::size_t{4608}, std::size_t{5120}}) {
        node_.disk = disk_;
        node_.disk.files[name].durable.replace(block, 512, content.durable.substr(from, 512));
        opens_whole();
      }
    }
  }
}

TEST_F(LogDamage, AMissingOrForeignSegmentIsNamed) {
  write_log(false, 60);
  ASSERT_GE(disk_.files.size(), 3U);
  node_.disk = disk_;
  node_.disk.files.erase("log/segment-000001");
  Status opened = node_.open();
  ASSERT_FALSE(opened.has_value());
  EXPECT_NE(opened.error().text.find("segment 1 is missing"), std::string::npos) << opened.error().text;
  node_.disk = disk_;
  node_.disk.files["log/segment-000001"].durable.resize(6000);
  opened = node_.open();
  ASSERT_FALSE(opened.has_value());
  EXPECT_NE(opened.error().text.find("shorter"), std::string::npos) << opened.error().text;

  LogNode other({.segment_bytes = 8U << 10}, 99);
  ASSERT_TRUE(other.open().has_value());
  other.kill();
  node_.disk = disk_;
  node_.disk.files["log/segment-000009"] = other.disk.files.at("log/segment-000001");
  opened = node_.open();
  ASSERT_FALSE(opened.has_value());
  EXPECT_NE(opened.error().text.find("another log"), std::string::npos) << opened.error().text;
}

TEST_F(LogDamage, AnUncertainTailStaysUncertainUntilItIsSettled) {
  LogNode node({.segment_bytes = 64U << 10});
  ASSERT_TRUE(node.open().has_value());
  node.append(1, {put_op(1, 1, "first")});
  node.settle();
  node.append(1, {put_op(2, 1, std::string(100, 'z'))});
  node.settle();
  node.kill();
  std::string& bytes = node.disk.files.at("log/segment-000001").durable;
  bytes[bytes.find("zzzz") + 50] ^= 1;
  for (int life = 0; life < 3; ++life) {
    ASSERT_TRUE(node.open().has_value());
    EXPECT_TRUE(node.recovery.uncertain_tail) << life;
    ASSERT_EQ(node.recovery.groups.size(), 1U);
    EXPECT_EQ(node.recovery.groups[0].entries.size(), 1U);
    if (life == 1) {
      node.settle();
      node.loop.pass(std::chrono::seconds(1));
      node.settle();
    }
    node.kill();
  }
  ASSERT_TRUE(node.open().has_value());
  node.log->tail_settled();
  node.settle();
  node.loop.pass(std::chrono::seconds(1));
  node.settle();
  node.kill();
  ASSERT_TRUE(node.open().has_value());
  EXPECT_FALSE(node.recovery.uncertain_tail);
}

}  // namespace
}  // namespace quorate::storage
