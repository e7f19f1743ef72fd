// The log from its door: batches, confirmations, recovery of an orderly life, marks, failures.

#include "storage/log.h"

#include <gtest/gtest.h>

#include "codec/crc32c.h"
#include "storage/log_format.h"
#include "storage/log_test_node.h"

namespace quorate::storage {
namespace {

using std::chrono::milliseconds;

TEST(Log, ConfirmsAfterTheWriteAndRecoversIt) {
  LogNode node(small_log());
  ASSERT_TRUE(node.open().has_value());
  EXPECT_TRUE(node.recovery.groups.empty());
  node.append(1, {state_op("vote"), put_op(1, 1, "a"), put_op(2, 1, "")});
  node.append(2, {cell_op("k", "v"), reset_op(7, 3, 2, "members")});
  EXPECT_EQ(node.log->tag_of(GroupId(1), Position(2)), Tag(1));
  EXPECT_EQ(node.log->tag_of(GroupId(1), Position(3)), std::nullopt);
  node.loop.end_turn();
  EXPECT_EQ(node.confirmations, 0U) << "nothing is durable before the write completed";
  node.settle();
  EXPECT_EQ(node.histories[GroupId(1)].confirmed, Io(1));
  EXPECT_EQ(node.histories[GroupId(2)].confirmed, Io(2));
  EXPECT_EQ(node.log->unsynced_bytes(), 0U);
  node.kill();
  ASSERT_TRUE(node.open().has_value());
  EXPECT_EQ(node.recovery.frames, 2U);
  EXPECT_FALSE(node.recovery.uncertain_tail);
  EXPECT_EQ(node.recovery.torn_bytes, 0U);
  node.check_recovered();
}

TEST(Log, EverythingThatArrivesDuringAWriteIsTheNextWrite) {
  LogNode node({});
  ASSERT_TRUE(node.open().has_value());
  node.settle();
  const std::uint64_t before = node.files->durable_writes;
  for (std::uint64_t i = 1; i <= 10; ++i) {
    node.append(i, {put_op(1, 1, "one turn")});
  }
  node.loop.end_turn();
  for (std::uint64_t i = 1; i <= 10; ++i) {
    node.append(i, {put_op(2, 1, "while it is written")});
    node.loop.end_turn();
  }
  node.settle();
  EXPECT_EQ(node.files->durable_writes - before, 2U);
  EXPECT_EQ(node.log->stats().syncs, 2U);
  EXPECT_EQ(node.log->stats().frames, 20U);
}

TEST(Log, APutCostsOneSyncAndAtMost64BytesMore) {
  LogNode node({});
  ASSERT_TRUE(node.open().has_value());
  node.settle();
  const LogStats before = node.log->stats();
  for (std::uint64_t i = 1; i <= 100; ++i) {
    node.append(1, {put_op(i, 5, std::string(256, 'x'))});
    node.settle();
    node.loop.pass(milliseconds(1));
    node.settle();
  }
  EXPECT_EQ(node.log->stats().syncs - before.syncs, 100U);
  EXPECT_LE(node.log->stats().bytes_written - before.bytes_written, 100U * (256 + 64));
}

TEST(Log, AQuietLogWritesOneMark) {
  LogNode node(small_log());
  ASSERT_TRUE(node.open().has_value());
  node.settle();
  node.append(1, {put_op(1, 1, "a")});
  node.settle();
  const std::uint64_t syncs = node.log->stats().syncs;
  node.loop.pass(milliseconds(190));
  node.settle();
  EXPECT_EQ(node.log->stats().syncs, syncs) << "not quiet for long enough";
  for (int i = 0; i < 20; ++i) {
    node.loop.pass(milliseconds(100));
    node.settle();
  }
  EXPECT_EQ(node.log->stats().syncs, syncs + 1);
}

TEST(Log, LargePayloadsAreGatheredAndReadBack) {
  LogOptions options = small_log();
  options.cache_bytes = 0;
  LogNode node(options);
  ASSERT_TRUE(node.open().has_value());
  const std::string large(70'000, 'L');  // larger than a segment
  node.append(1, {put_op(1, 1, large), put_op(2, 1, "small"), put_op(3, 1, std::string(3000, 'm'))});
  node.settle();
  node.append(1, {put_op(4, 1, "more")});
  node.settle();
  std::vector<LogEntry> out;
  EXPECT_FALSE(node.log->cached(GroupId(1), Position(1), Position(4), 1U << 20, out)) << "the cache holds nothing";
  struct Done {
    int ok = 0;
    void on_done(std::uint64_t, Status status) { ok += status.has_value() ? 1 : 0; }
  } done;
  node.log->fetch(GroupId(1), Position(1), Position(3), 1U << 20, Callback<Status>::to<&Done::on_done>(&done));
  node.settle();
  EXPECT_EQ(done.ok, 1);
  ASSERT_TRUE(node.log->cached(GroupId(1), Position(1), Position(3), 1U << 20, out));
  ASSERT_EQ(out.size(), 3U);
  EXPECT_EQ(out[0].payload.view(), large);
  EXPECT_EQ(out[1].payload.view(), "small");
  EXPECT_EQ(out[2].payload.size(), 3000U);
  node.kill();
  ASSERT_TRUE(node.open().has_value());
  node.check_recovered();
}

TEST(Log, AFetchOfADamagedPayloadSaysSo) {
  LogOptions options = small_log();
  options.cache_bytes = 0;
  LogNode node(options);
  ASSERT_TRUE(node.open().has_value());
  node.append(1, {put_op(1, 1, std::string(500, 'p'))});
  node.settle();
  std::string& bytes = node.disk.files.at("log/segment-000001").durable;
  bytes[bytes.find("pppp") + 100] ^= 4;
  struct Done {
    std::optional<Error> error;
    void on_done(std::uint64_t, Status status) { error = status.error(); }
  } done;
  node.log->fetch(GroupId(1), Position(1), Position(1), 1000, Callback<Status>::to<&Done::on_done>(&done));
  node.settle();
  ASSERT_TRUE(done.error.has_value());
  EXPECT_EQ(done.error->code, ErrorCode::corrupt);
}

struct Verified {
  std::optional<Status> status;
  void on_done(std::uint64_t, Status said) { status = std::move(said); }
};

/// In memory or not, of whatever group: what the disk holds counts.
TEST(Log, VerifyReadsEverythingThatIsDurable) {
  LogNode node(small_log());
  ASSERT_TRUE(node.open().has_value());
  for (std::uint64_t position = 1; position <= 40; ++position) {
    for (const std::uint64_t group : {1, 2}) {
      node.append(group,
                  {put_op(position, 1, std::to_string(group) + std::string(900, 'p') + std::to_string(position))});
    }
    node.settle();
  }
  const auto verify = [&node] {
    Verified verified;
    node.log->verify(Callback<Status>::to<&Verified::on_done>(&verified));
    for (int i = 0; i < 1000 && !verified.status; ++i) {
      node.loop.pass(std::chrono::milliseconds(1));
      node.settle();
    }
    EXPECT_TRUE(verified.status.has_value());
    return verified.status.value_or(Status());
  };
  EXPECT_TRUE(verify().has_value());
  for (const std::string& text : {"1" + std::string(900, 'p') + "40", "2" + std::string(900, 'p') + "39"}) {
    int flipped = 0;
    for (auto& [name, content] : node.disk.files) {
      if (const std::size_t at = content.durable.find(text); at != std::string::npos) {
        content.durable[at + 500] ^= 4;
        const Status found = verify();
        ASSERT_FALSE(found.has_value());
        EXPECT_EQ(found.error().code, ErrorCode::corrupt);
        EXPECT_NE(found.error().text.find("segment"), std::string::npos) << found.error().text;
        content.durable[at + 500] ^= 4;
        ++flipped;
      }
    }
    EXPECT_EQ(flipped, 1) << "a payload stands in one place";
  }
  EXPECT_TRUE(verify().has_value());
}

TEST(Log, AFailedWriteConfirmsNothingEverAgain) {
  LogNode node(small_log());
  ASSERT_TRUE(node.open().has_value());
  node.settle();
  node.append(1, {put_op(1, 1, "a")});
  node.files->fail_next_write = true;
  node.settle();
  ASSERT_TRUE(node.failure.has_value());
  EXPECT_EQ(node.failure->code, ErrorCode::io);
  node.append(1, {put_op(2, 1, "b")});
  node.settle();
  node.loop.pass(std::chrono::seconds(5));
  node.settle();
  EXPECT_EQ(node.confirmations, 0U);
}

TEST(Log, AFullDiskStopsTheLogOnlyWhenASegmentIsMissing) {
  LogNode node(small_log());
  ASSERT_TRUE(node.open().has_value());
  node.files->disk_full = true;
  node.settle();
  EXPECT_FALSE(node.failure.has_value());
  for (std::uint64_t i = 1; i <= 100 && !node.failure.has_value(); ++i) {
    node.append(1, {put_op(i, 1, std::string(300, 'x'))});
    node.settle();
  }
  ASSERT_TRUE(node.failure.has_value());
  EXPECT_EQ(node.failure->code, ErrorCode::no_space);
  EXPECT_GT(node.confirmations, 20U);
  node.kill();
  ASSERT_TRUE(node.open().has_value());
  node.check_recovered();
}

TEST(Log, DiscardedSegmentsAreUsedAgain) {
  LogNode node(small_log());
  ASSERT_TRUE(node.open().has_value());
  for (std::uint64_t i = 1; i <= 2000; ++i) {
    node.append(1, {put_op(i, 1, std::string(200, static_cast<char>('a' + i % 26)))});
    if (i % 10 == 0) {
      node.append(1, {discard_op(i - 5, 1, "m")});
    }
    node.settle();
  }
  EXPECT_LE(node.disk.files.size(), 5U);
  EXPECT_GT(node.log->stats().recycled_segments, 20U);
  EXPECT_EQ(node.histories[GroupId(1)].confirmed, Io(2200));
  node.kill();
  ASSERT_TRUE(node.open().has_value());
  node.check_recovered();
}

TEST(Log, AnIdleGroupDoesNotPinTheLog) {
  LogNode node(small_log());
  ASSERT_TRUE(node.open().has_value());
  node.append(2, {state_op("idle vote"), cell_op("c", "d"), discard_op(10, 2, "idle members"), put_op(11, 2, "entry"),
                  put_op(12, 2, std::string(900, 'e'))});
  node.append(3, {reset_op(40, 4, 9, "after a snapshot")});
  for (std::uint64_t i = 1; i <= 2000; ++i) {
    node.append(1, {put_op(i, 1, std::string(200, 'x'))});
    if (i % 10 == 0) {
      node.append(1, {discard_op(i - 5, 1, "m")});
    }
    node.settle();
  }
  EXPECT_GT(node.log->stats().rewritten_bytes, 1000U);
  EXPECT_LE(node.log->stats().live_segments, 6U);
  for (int life = 0; life < 2; ++life) {
    node.kill();
    ASSERT_TRUE(node.open().has_value());
    node.check_recovered();
  }
}

TEST(Log, RefusesANewerFormatNamingBothVersions) {
  LogNode node(small_log());
  ASSERT_TRUE(node.open().has_value());
  node.kill();
  std::string& bytes = node.disk.files.at("log/segment-000001").durable;
  // Version 7 in both copies, with a right checksum: computed by the format's own rule.
  for (const std::size_t at : {std::size_t{0}, std::size_t{kHeaderSecondCopyAt}}) {
    bytes[at + 8] = 7;
    bytes.replace(at + 12, 4, 4, '\0');
    const std::uint32_t checksum = codec::crc32c(ByteView(bytes).substr(at, kHeaderCopyBytes));
    for (std::size_t i = 0; i < 4; ++i) {
      bytes[at + 12 + i] = static_cast<char>(static_cast<unsigned char>(checksum >> (8 * i)));
    }
  }
  const Status status = node.open();
  ASSERT_FALSE(status.has_value());
  EXPECT_EQ(status.error().code, ErrorCode::newer_format);
  EXPECT_NE(status.error().text.find("version 7"), std::string::npos) << status.error().text;
  EXPECT_NE(status.error().text.find("up to 1"), std::string::npos) << status.error().text;
}

}  // namespace
}  // namespace quorate::storage
