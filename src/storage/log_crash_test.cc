// The log against crashes at every write, torn in every way, and against damage of every byte.

#include <cstdio>
#include <cstdlib>
#include <map>
#include <random>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "base/plant.h"
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
  static void SetUpTestSuite() {
#ifdef QUORATE_PLANTS
    const char* plant = std::getenv("QUORATE_PLANT");
    activate_plant(plant == nullptr ? "" : plant);
#endif
  }
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
  enum class Outcome : std::uint8_t { whole, refused, uncertain, damaged };

  /// Opens the damaged disk: it gives everything confirmed, or refuses, or says what it may miss. Never something else.
  Outcome open_damaged_disk() {
    node_.histories = histories_;
    const Status opened = node_.open();
    Outcome outcome = Outcome::whole;
    if (!opened.has_value()) {
      EXPECT_TRUE(opened.error().code == ErrorCode::corrupt || opened.error().code == ErrorCode::newer_format);
      EXPECT_FALSE(opened.error().text.empty());
      outcome = Outcome::refused;
    } else if (!node_.recovery.damage.empty()) {
      outcome = Outcome::damaged;
      for (const RecoveredGroup& group : node_.recovery.groups) {
        check_damaged_group(group);
      }
      check_repair_lasts();
    } else {
      if (node_.recovery.uncertain_tail) {
        outcome = Outcome::uncertain;
        for (auto& [group, history] : node_.histories) {
          history.confirmed = Io(0);  // it says that it may miss some: but never another history
        }
      }
      node_.check_recovered();
    }
    node_.kill();
    return outcome;
  }

  /// What a damaged log gives of a group is the newest, or it says that it is not.
  void check_damaged_group(const RecoveredGroup& group) {
    const std::vector<GroupModel>& states = histories_.at(group.group).states;
    const GroupModel found = GroupModel::of(group);
    const bool tail_may_be_lost = node_.recovery.uncertain_tail;
    EXPECT_TRUE(node_.recovery.lost_frames || (!group.log_lost && !group.state_lost));
    EXPECT_TRUE(!group.log_lost || group.entries.empty());
    const auto has_log = [&](const GroupModel& once) {
      return once.base == found.base && holds(found, once, group.unreadable);
    };
    EXPECT_TRUE(group.log_lost || has_log(states.back()) || (tail_may_be_lost && std::ranges::any_of(states, has_log)))
        << "group " << group.group.value() << " holds " << found.text() << "\nnewest: " << states.back().text();
    const auto has_state = [&found](const GroupModel& once) { return once.state == found.state; };
    EXPECT_TRUE(group.state_lost || has_state(states.back()) ||
                (tail_may_be_lost && std::ranges::any_of(states, has_state)));
  }
  /// True if `found` has the entries that `once` has behind the base of `found`.
  static bool holds(const GroupModel& found, const GroupModel& once, const std::vector<Position>& unreadable) {
    auto entries = once.entries;
    entries.erase(entries.begin(), entries.upper_bound(found.base.position));
    for (const Position position : unreadable) {
      if (entries.contains(position)) {
        std::get<2>(entries[position]).clear();
      }
    }
    return entries == found.entries;
  }
  /// What is written anew behind the damage is whole from then on, although the damage is still there.
  void check_repair_lasts() {
    std::map<GroupId, GroupModel> expected;
    for (const RecoveredGroup& group : node_.recovery.groups) {
      if (!group.log_lost && !group.state_lost && group.unreadable.empty()) {
        expected[group.group] = GroupModel::of(group);
        continue;
      }
      std::vector<LogOp> ops = {{.kind = LogOp::Kind::reset_to,
                                 .entry = {.id = group.discarded},
                                 .generation = group.generation,
                                 .blob = group.discarded_blob},
                                {.kind = LogOp::Kind::set_state, .blob = group.state},
                                {.kind = LogOp::Kind::set_cell, .blob = Buffer::copy_of("what is lost")}};
      for (const LogEntry& entry : group.entries) {
        ops.push_back({.kind = LogOp::Kind::put, .entry = entry});
      }
      expected[group.group] = GroupModel::of(group);
      expected[group.group].cells[""] = "what is lost";
      node_.log->append(group.group, Io(0), std::move(ops));
    }
    for (const auto& [group, history] : histories_) {
      EXPECT_TRUE(node_.recovery.lost_frames || expected.contains(group)) << "group " << group.value() << " is gone";
    }
    node_.settle();
    node_.kill();
    ASSERT_TRUE(node_.open().has_value());
    for (const RecoveredGroup& group : node_.recovery.groups) {
      EXPECT_FALSE(group.log_lost || group.state_lost || !group.unreadable.empty()) << group.group.value();
      EXPECT_EQ(GroupModel::of(group), expected[group.group]) << GroupModel::of(group).text();
    }
  }

  LogNode node_{{.segment_bytes = 8U << 10, .cache_bytes = 0, .rewrite_from_segments = 100}};
  TestDisk disk_;
  std::map<GroupId, LogNode::History> histories_;
};

TEST_F(LogDamage, AFlippedBitAnywhereIsSeenOrHarmless) {  // F-D6, C-02, I-50, I-51
  for (const bool open_damaged : {false, true}) {
    for (const bool marked : {false, true}) {
      node_.options.open_damaged = open_damaged;
      node_.disk = {};
      node_.histories.clear();
      write_log(marked);
      std::map<Outcome, int> outcomes;
      for (const auto& [name, content] : disk_.files) {
        const std::size_t last = content.durable.find_last_not_of('\0') + 16;
        for (std::size_t at = 0; at < content.durable.size() && !HasFailure(); ++at) {
          const bool empty = content.durable[at] == '\0' && (at > 128 && at < 4096 ? true : at > last);
          if (empty && at % 61 != 0) {
            continue;  // the header block's empty part and the space behind the log
          }
          for (unsigned bit = 0; bit < 8; ++bit) {
            if (bit != at % 8 && at % 7 != 0) {
              continue;  // all bits of every seventh byte, one of the others
            }
            node_.disk = disk_;
            node_.disk.files[name].durable[at] ^= static_cast<char>(1U << bit);
            SCOPED_TRACE(name + " byte " + std::to_string(at) + " bit " + std::to_string(bit));
            ++outcomes[open_damaged_disk()];
          }
        }
      }
      std::printf("flipped bits: %d harmless, %d refused, %d uncertain, %d opened as damaged\n",
                  outcomes[Outcome::whole], outcomes[Outcome::refused], outcomes[Outcome::uncertain],
                  outcomes[Outcome::damaged]);
      EXPECT_GT(outcomes[open_damaged ? Outcome::damaged : Outcome::refused], 1000);
      EXPECT_GT(outcomes[Outcome::whole], 100);
    }
  }
}

TEST_F(LogDamage, BelowAMarkEveryDamageOfAFrameIsRefused) {
  node_.options.open_damaged = false;
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

TEST_F(LogDamage, AWriteThatWasLostOrMisdirectedIsSeen) {  // F-D7, F-D8, C-07, C-08
  for (const bool open_damaged : {false, true}) {
    node_.options.open_damaged = open_damaged;
    node_.disk = {};
    node_.histories.clear();
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
        (void)open_damaged_disk();
        for (const std::size_t from : {std::size_t{4096}, std::size_t{4608}, std::size_t{5120}}) {
          node_.disk = disk_;
          node_.disk.files[name].durable.replace(block, 512, content.durable.substr(from, 512));
          (void)open_damaged_disk();
        }
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

/// Other groups write on and empty the damaged segment; but this group has not said anew what it has.
TEST_F(LogDamage, IsFoundAgainUntilItIsNoted) {  // C-02
  for (const bool is_noted : {false, true}) {
    LogNode node({.segment_bytes = 8U << 10, .open_damaged = true});
    ASSERT_TRUE(node.open().has_value());
    node.append(1, {state_op("voted"), put_op(1, 1, std::string(100, 'a'))});
    node.settle();
    node.append(1, {state_op("voted again"), put_op(2, 1, std::string(100, 'b'))});
    node.settle();
    node.append(1, {put_op(3, 1, std::string(100, 'c'))});
    node.settle();
    node.kill();
    std::string& bytes = node.disk.files.at("log/segment-000001").durable;
    bytes[bytes.find("voted again") - 20] ^= 1;  // in the frame's description
    ASSERT_TRUE(node.open().has_value());
    ASSERT_TRUE(node.recovery.groups.front().state_lost);
    if (is_noted) {
      node.append(1, {reset_op(3, 1, 2, ""), state_op("voted anew")});
      node.log->damage_noted();
    }
    for (std::uint64_t position = 1; position <= 400; ++position) {
      node.append(2, {put_op(position, 1, std::string(200, 'x'))});
      if (position > 2) {
        node.append(2, {discard_op(position - 2, 1, "")});
      }
      node.settle();
    }
    EXPECT_EQ(node.log->stats().recycled_segments > 0, is_noted);
    node.kill();
    ASSERT_TRUE(node.open().has_value());
    EXPECT_EQ(node.recovery.damage.empty(), is_noted);
    EXPECT_EQ(node.recovery.groups.front().state_lost, !is_noted);
  }
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
