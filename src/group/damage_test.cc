// Logs that are damaged while a node is down: whatever is damaged, the node comes back with what the others have, or it
// does not start; and what was committed stays, whoever is damaged (F-D6, C-01, C-02, C-16, I-51).

#include <cstdio>
#include <random>

#include <gtest/gtest.h>

#include "group/cluster_for_test.h"
#include "group/mend_message.h"
#include "protocols/each_protocol_for_test.h"

namespace quorate::group {
namespace {

using namespace std::chrono_literals;
using consensus::Loss;

class DamageTest : public testing::TestWithParam<const consensus::Protocol*> {
 protected:
  void SetUp() override {
    for (std::uint64_t i = 1; i <= 3; ++i) {
      ASSERT_TRUE(cluster_.start(i).has_value());
    }
    ASSERT_TRUE(cluster_.run_until([this] { return cluster_.all_led(); }));
  }
  /// From now on logs begin behind what the engines have.
  void write_and_cut_logs() {
    cluster_.options.tail_entries = 1;
    for (std::uint64_t node = 1; node <= 3; ++node) {
      cluster_.kill(node);
      ASSERT_TRUE(cluster_.start(node).has_value());
    }
    ASSERT_TRUE(cluster_.run_until([this] { return cluster_.all_led(); }));
    write_some();
    cluster_.run(5s);
  }
  /// Of a node that is down.
  void lose_records(std::uint64_t node) {
    env::RecordBatch everything;
    everything.erase_range(Buffer::copy_of(std::string(1, '\0')), Buffer::copy_of("\xFF"));
    cluster_.nodes[node - 1].records.apply(everything);
  }
  /// Proposes to every group, lets all execute it, and the log write its mark.
  void write_some() {
    for (std::uint64_t group = 1; group <= cluster_.options.groups; ++group) {
      for (int i = 0; i < 5; ++i) {
        const std::string command = std::to_string(++written_) + std::string(random_() % 300, 'x');
        ASSERT_TRUE(cluster_.propose(group, command));
        expected_[group].push_back(command);
      }
      cluster_.run(10ms);
    }
    cluster_.run(400ms);
  }
  [[nodiscard]] bool all_have_everything() {
    for (std::uint64_t group = 1; group <= cluster_.options.groups; ++group) {
      for (std::uint64_t node = 1; node <= 3; ++node) {
        const auto& journal = cluster_.machine(node, group).journal;
        if (!std::ranges::equal(journal, expected_[group], {}, [](const auto& entry) { return entry.second; })) {
          return false;
        }
        if (loss_of(node, group) != Loss::Kind::none) {
          return false;
        }
      }
    }
    return true;
  }
  [[nodiscard]] Loss::Kind loss_of(std::uint64_t node, std::uint64_t group) {
    return cluster_.life(node).host->replica(GroupId(group)).status().loss.kind;
  }

  /// Flips one bit of it in the log, wherever it stands. False: it does not stand there.
  bool damage_payload(std::uint64_t node, const std::string& payload) {
    for (auto& [name, content] : cluster_.nodes[node - 1].disk.files) {
      content.durable = content.current();
      content.unsynced.clear();
      if (const std::size_t at = content.durable.find(payload); at != std::string::npos) {
        content.durable[at] ^= 1;
        return true;
      }
    }
    return false;
  }
  void restart_all() {
    for (std::uint64_t node = 1; node <= 3; ++node) {
      const Status started = cluster_.start(node);
      ASSERT_TRUE(started.has_value()) << started.error().text;
    }
  }
  /// Flips one bit, or loses a sector, of what the log's files hold.
  void damage(storage::TestDisk& disk) {
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
    auto& [content, at] = places[random_() % places.size()];
    if (random_() % 4 != 0) {
      content->durable[at] ^= static_cast<char>(1U << random_() % 8);
    } else {
      content->durable.replace(at / 512 * 512, 512, 512, '\0');
    }
  }

  std::mt19937_64 random_{7};
  Cluster cluster_{{.factory = GetParam()->cores,
                    .log = {.segment_bytes = 16U << 10, .cache_bytes = 4U << 10},
                    .flush_interval = 2s}};
  std::map<std::uint64_t, std::vector<std::string>> expected_;
  std::uint64_t written_ = 0;
};
INSTANTIATE_TEST_SUITE_P(All, DamageTest, protocols::each_ordered(), protocols::name_of_case);

TEST_P(DamageTest, ADamagedNodeIsRepairedByTheOthers) {
  std::map<Loss::Kind, int> losses;
  int refused = 0;
  for (int round = 0; round < 160 && !HasFailure(); ++round) {
    SCOPED_TRACE(round);
    ASSERT_TRUE(cluster_.run_until([this] { return cluster_.all_led(); }));
    write_some();
    const std::uint64_t victim = 1 + random_() % 3;
    cluster_.kill(victim);
    storage::TestDisk& disk = cluster_.nodes[victim - 1].disk;
    const storage::TestDisk whole = disk;
    damage(disk);
    if (random_() % 2 == 0 && cluster_.run_until([this] { return cluster_.all_led(); })) {
      write_some();
    }
    const Status started = cluster_.start(victim);
    if (!started.has_value()) {
      EXPECT_EQ(started.error().code, ErrorCode::corrupt) << started.error().text;
      ++refused;
      disk = whole;
      cluster_.nodes[victim - 1].life.reset();
      ASSERT_TRUE(cluster_.start(victim).has_value());
    }
    for (std::uint64_t group = 1; group <= cluster_.options.groups; ++group) {
      ++losses[loss_of(victim, group)];
    }
    ASSERT_TRUE(cluster_.run_until([this] { return all_have_everything(); }));
    if (random_() % 3 == 0) {  // what is still damaged, or noted, must not matter any more
      cluster_.run(500ms);
      cluster_.kill(victim);
      ASSERT_TRUE(cluster_.start(victim).has_value());
      for (std::uint64_t group = 1; group <= cluster_.options.groups; ++group) {
        EXPECT_EQ(loss_of(victim, group), Loss::Kind::none);
      }
      ASSERT_TRUE(cluster_.run_until([this] { return all_have_everything(); }));
    }
  }
  std::printf("starts of groups after damage: %d lost nothing, %d their log's end, %d what they promised; %d refused\n",
              losses[Loss::Kind::none], losses[Loss::Kind::tail], losses[Loss::Kind::promises], refused);
  EXPECT_GT(losses[Loss::Kind::tail], 3);
  EXPECT_GT(losses[Loss::Kind::promises], 20);
}

/// Nobody wants what is damaged: it is read again all the same. The node stops, and the next start has it repaired.
TEST_P(DamageTest, DamageUnderARunningNodeIsFound) {
  cluster_.options.scrub_interval = 1s;
  cluster_.kill(1);
  ASSERT_TRUE(cluster_.start(1).has_value());
  ASSERT_TRUE(cluster_.run_until([this] { return cluster_.all_led(); }));
  cluster_.kill(3);  // so that the logs keep what it lacks
  ASSERT_TRUE(cluster_.run_until([this] { return cluster_.all_led(); }));
  write_some();
  cluster_.run(3s);
  EXPECT_GT(cluster_.traces.counts["group.scrubbed"], 1);
  ASSERT_EQ(cluster_.life(1).stopped, "");
  const std::string& payload = expected_[1].back();
  int flipped = 0;
  for (auto& [name, content] : cluster_.nodes[0].disk.files) {
    if (const std::size_t at = content.durable.find(payload); at != std::string::npos) {
      content.durable[at] ^= 1;
      ++flipped;
    }
  }
  ASSERT_EQ(flipped, 1);
  ASSERT_TRUE(cluster_.run_until([this] { return !cluster_.life(1).stopped.empty(); }));
  ASSERT_TRUE(cluster_.start(3).has_value());
  EXPECT_NE(cluster_.life(1).stopped.find("does not have its checksum"), std::string::npos) << cluster_.life(1).stopped;
  cluster_.kill(1);
  ASSERT_TRUE(cluster_.start(1).has_value());
  EXPECT_FALSE(cluster_.life(1).host->recovery().damage.empty());
  ASSERT_TRUE(cluster_.run_until([this] { return all_have_everything(); }));
}

/// The records are gone, the log is whole, and begins behind what they had (N-08).
TEST_P(DamageTest, ANodeWithoutItsRecordsIsRepairedByTheOthers) {
  ASSERT_NO_FATAL_FAILURE(write_and_cut_logs());
  cluster_.kill(1);
  lose_records(1);
  ASSERT_FALSE(cluster_.start(1).has_value()) << "nobody said that they were laid aside";
  cluster_.nodes[0].life.reset();
  cluster_.options.records_laid_aside = true;
  ASSERT_TRUE(cluster_.start(1).has_value());
  EXPECT_EQ(loss_of(1, 1), Loss::Kind::tail);
  ASSERT_TRUE(cluster_.run_until([this] { return all_have_everything(); }));
}

// What was laid aside may be removed when nothing is in repair any more: not before a crash cannot bring the loss back.
TEST_P(DamageTest, NothingIsRepairedBeforeThatIsDurable) {
  ASSERT_NO_FATAL_FAILURE(write_and_cut_logs());
  cluster_.kill(1);
  lose_records(1);
  cluster_.options.records_laid_aside = true;
  ASSERT_TRUE(cluster_.start(1).has_value());
  cluster_.nodes[0].disk_delay = 300ms;
  ASSERT_TRUE(cluster_.run_until([this] { return all_have_everything(); }));
  EXPECT_GT(cluster_.life(1).host->groups_in_repair(), 0U);
  cluster_.kill(1);
  cluster_.nodes[0].disk.lose_power([](const auto&) { return storage::TestDisk::Ranges(); });
  ASSERT_TRUE(cluster_.start(1).has_value()) << "once more";
  cluster_.nodes[0].disk_delay = {};
  ASSERT_TRUE(cluster_.run_until([this] { return cluster_.life(1).host->groups_in_repair() == 0; }));
  EXPECT_TRUE(all_have_everything());
  cluster_.kill(1);
  cluster_.nodes[0].disk.lose_power([](const auto&) { return storage::TestDisk::Ranges(); });
  cluster_.options.records_laid_aside = false;
  EXPECT_TRUE(cluster_.start(1).has_value()) << "what was laid aside is removed";
  EXPECT_TRUE(cluster_.run_until([this] { return all_have_everything(); }));
}

// C-03: one of three comes back with neither records nor promises, at the same time as the others, and leads in the
// end. Nobody gives up anything by its word.
TEST_P(DamageTest, WhoWasDamagedAndLeadsLaterTakesNothingFromTheOthers) {
  ASSERT_NO_FATAL_FAILURE(write_and_cut_logs());
  write_some();
  for (std::uint64_t node = 1; node <= 3; ++node) {
    cluster_.kill(node);
  }
  lose_records(1);
  for (auto& [name, content] : cluster_.nodes[0].disk.files) {
    content.durable = content.current();
    content.unsynced.clear();
    if (content.durable.size() > 4096 && content.durable[4096] != '\0') {
      content.durable[4096 + 5] ^= 1;  // the head of the first frame
    }
  }
  for (std::uint64_t node = 1; node <= 3; ++node) {
    cluster_.options.records_laid_aside = node == 1;
    const Status started = cluster_.start(node);
    ASSERT_TRUE(started.has_value()) << started.error().text;
  }
  EXPECT_EQ(loss_of(1, 1), Loss::Kind::promises);
  std::map<std::pair<std::uint64_t, std::uint64_t>, std::size_t> had;
  const auto nothing_went = [&] {
    for (std::uint64_t group = 1; group <= cluster_.options.groups; ++group) {
      EXPECT_TRUE(loss_of(1, group) == Loss::Kind::none || cluster_.leader_of(group) != 1) << "it leads too early";
      for (const std::uint64_t node : {2, 3}) {
        const std::size_t has = cluster_.machine(node, group).journal.size();
        EXPECT_GE(has, (had[{node, group}])) << "node " << node << ", group " << group;
        had[{node, group}] = has;
      }
    }
    return !HasFailure();
  };
  ASSERT_TRUE(cluster_.run_until([&] { return !nothing_went() || all_have_everything(); }));
  for (std::uint64_t group = 1; group <= cluster_.options.groups; ++group) {
    ASSERT_TRUE(cluster_.run_until([&] {
      if (const std::uint64_t leader = cluster_.leader_of(group); leader > 1) {
        cluster_.life(leader).host->replica(GroupId(group)).transfer_leadership(NodeId(1));
        cluster_.run(100ms);
      }
      return !nothing_went() || cluster_.leader_of(group) == 1;
    }));
  }
  write_some();
  ASSERT_TRUE(cluster_.run_until([&] { return !nothing_went() || all_have_everything(); }));
}

// C-15: no log is whole, but each payload is whole in two of the logs, and that is all that it takes.
TEST_P(DamageTest, EachMayHaveLostAnotherPayload) {
  cluster_.options.keeps_unflushed = false;
  write_some();
  for (std::uint64_t node = 1; node <= 3; ++node) {
    cluster_.kill(node);
    ASSERT_TRUE(damage_payload(node, expected_[1][node - 1]));
    ASSERT_TRUE(damage_payload(node, expected_[2][3 - node]));
  }
  restart_all();
  for (std::uint64_t node = 1; node <= 3; ++node) {
    EXPECT_EQ(loss_of(node, 1), Loss::Kind::tail);
    EXPECT_EQ(loss_of(node, 3), Loss::Kind::none);
  }
  ASSERT_TRUE(cluster_.run_until([this] { return all_have_everything(); }));
  EXPECT_GE(cluster_.traces.counts["group.log_mended"], 4) << "a majority of two groups";
  ASSERT_TRUE(cluster_.run_until([this] { return cluster_.all_led(); }));
  write_some();
  ASSERT_TRUE(cluster_.run_until([this] { return all_have_everything(); }));
  for (std::uint64_t node = 1; node <= 3; ++node) {
    cluster_.kill(node);
  }
  restart_all();
  for (std::uint64_t node = 1; node <= 3; ++node) {
    EXPECT_EQ(loss_of(node, 1), Loss::Kind::none) << "what was mended is durable";
  }
  ASSERT_TRUE(cluster_.run_until([this] { return all_have_everything(); }));
}

// Two logs lack the same payload, and who has it is not there: they wait, and give it what it lacks when it comes.
TEST_P(DamageTest, WhoLacksAPayloadWaitsForSomebodyWhoHasIt) {
  cluster_.options.keeps_unflushed = false;
  write_some();
  for (std::uint64_t node = 1; node <= 3; ++node) {
    cluster_.kill(node);
  }
  for (const std::uint64_t node : {1, 2}) {
    ASSERT_TRUE(damage_payload(node, expected_[1][0]));
  }
  ASSERT_TRUE(damage_payload(3, expected_[1][1]));
  for (const std::uint64_t node : {1, 2}) {
    ASSERT_TRUE(cluster_.start(node).has_value());
  }
  cluster_.run(30s);
  EXPECT_EQ(cluster_.leader_of(1), 0U);
  EXPECT_EQ(loss_of(1, 1), Loss::Kind::tail);
  ASSERT_TRUE(cluster_.start(3).has_value());
  ASSERT_TRUE(cluster_.run_until([this] { return all_have_everything(); }));
}

// More than one question holds.
TEST_P(DamageTest, ManyPayloadsComeBack) {
  cluster_.options.keeps_unflushed = false;
  for (int i = 0; i < 150; ++i) {  // before the engine has flushed anything
    expected_[1].push_back("payload " + std::to_string(i) + " of many");
    ASSERT_TRUE(cluster_.propose(1, expected_[1].back()));
    cluster_.run(2ms);
  }
  cluster_.run(400ms);
  cluster_.kill(1);
  std::size_t lost = 0;
  for (const std::string& payload : expected_[1]) {
    lost += damage_payload(1, payload) ? 1 : 0;
  }
  ASSERT_TRUE(cluster_.start(1).has_value());
  ASSERT_TRUE(cluster_.run_until([this] { return all_have_everything(); }));
  const auto& counts = cluster_.traces.counts;
  std::printf("%zu payloads damaged, %d of them behind the records\n", lost, counts.at("group.payload_mended"));
  EXPECT_GT(counts.at("group.payload_mended"), static_cast<int>(kMostAskedAtOnce));
  EXPECT_EQ(counts.at("group.log_mended"), 1);
}

// Alone, and long ago: who is there has entries of a later leader, though not as many, and cannot be elected without
// the damaged one.
TEST_P(DamageTest, WhoHasEntriesOfALaterLeaderNeedsNoOlderOnes) {
  if (!GetParam()->cores.ids_identify_prefix) {
    GTEST_SKIP() << "its damaged replicas elect nobody";
  }
  const std::uint64_t old = cluster_.leader_of(1);
  write_some();
  cluster_.network.cut.insert(old);
  const auto alone = [](int i) { return "nobody else has this " + std::to_string(i) + std::string(100, 'x'); };
  for (int i = 0; i < 20; ++i) {
    ASSERT_TRUE(cluster_.life(old)
                    .host->replica(GroupId(1))
                    .propose(Context(++cluster_.last_context), Buffer::copy_of(alone(i)), {}));
    cluster_.run(2ms);
  }
  cluster_.run(400ms);
  cluster_.kill(old);
  cluster_.network.cut.clear();
  ASSERT_TRUE(damage_payload(old, alone(18)));
  ASSERT_TRUE(cluster_.run_until([this] { return cluster_.all_led(); }));
  write_some();
  const std::uint64_t there = old % 3 + 1;
  for (const std::uint64_t node : {there, there % 3 + 1}) {
    cluster_.kill(node);
  }
  ASSERT_TRUE(cluster_.start(there).has_value());
  ASSERT_TRUE(cluster_.start(old).has_value());
  EXPECT_EQ(loss_of(old, 1), Loss::Kind::tail);
  ASSERT_TRUE(cluster_.run_until([this] { return cluster_.leader_of(1) != 0; })) << "the two are a majority";
  ASSERT_TRUE(cluster_.start(there % 3 + 1).has_value());
  ASSERT_TRUE(cluster_.run_until([this] { return all_have_everything(); }));
}

// Only the damaged node ever had the entry, and the others have another leader: they say that they do not need it.
TEST_P(DamageTest, WhatTheOthersGoOnWithoutIsNotWaitedFor) {
  const std::uint64_t old = cluster_.leader_of(1);
  write_some();
  const std::string alone = "nobody else has this" + std::string(100, 'x');
  cluster_.network.cut.insert(old);
  ASSERT_TRUE(cluster_.life(old)
                  .host->replica(GroupId(1))
                  .propose(Context(++cluster_.last_context), Buffer::copy_of(alone), {}));
  cluster_.run(400ms);
  cluster_.kill(old);
  cluster_.network.cut.clear();
  ASSERT_TRUE(damage_payload(old, alone));
  ASSERT_TRUE(cluster_.run_until([this] { return cluster_.all_led(); }));
  ASSERT_TRUE(cluster_.start(old).has_value());
  EXPECT_EQ(loss_of(old, 1), Loss::Kind::tail);
  ASSERT_TRUE(cluster_.run_until([this] { return all_have_everything(); }));
  EXPECT_EQ(cluster_.traces.counts["group.mending_needless"], 1);
  write_some();
  ASSERT_TRUE(cluster_.run_until([this] { return all_have_everything(); }));
}

/// While most replicas do not know what they promised nobody leads and nothing changes, whatever the third has. With
/// one good disk more everything goes on, and nothing is missing.
TEST_P(DamageTest, AMajorityThatIsDamagedWaitsAndLosesNothing) {
  write_some();
  std::map<std::uint64_t, storage::TestDisk> whole;
  for (std::uint64_t node = 1; node <= 3; ++node) {
    cluster_.kill(node);
  }
  for (const std::uint64_t node : {1, 2}) {
    storage::TestDisk& disk = cluster_.nodes[node - 1].disk;
    whole[node] = disk;
    for (auto& [name, content] : disk.files) {
      content.durable = content.current();
      content.unsynced.clear();
      if (content.durable.size() > 4096 && content.durable[4096] != '\0') {
        content.durable[4096 + 5] ^= 1;  // the head of the first frame
      }
    }
  }
  for (std::uint64_t node = 1; node <= 3; ++node) {
    const Status started = cluster_.start(node);
    ASSERT_TRUE(started.has_value()) << started.error().text;
  }
  EXPECT_FALSE(cluster_.life(1).host->recovery().damage.empty());
  cluster_.run(10s);
  for (std::uint64_t group = 1; group <= cluster_.options.groups; ++group) {
    EXPECT_EQ(cluster_.leader_of(group), 0U);
    EXPECT_EQ(loss_of(1, group), Loss::Kind::promises);
  }
  cluster_.kill(2);
  cluster_.nodes[1].disk = whole[2];
  ASSERT_TRUE(cluster_.start(2).has_value());
  ASSERT_TRUE(cluster_.run_until([this] { return all_have_everything(); }));
}

}  // namespace
}  // namespace quorate::group
