#include "group/snapshot_message.h"

#include <string>

#include <gtest/gtest.h>

namespace quorate::group {
namespace {

Buffer joined(const SnapshotMessage& message) {
  std::string bytes;
  for (const Buffer& part : encode_snapshot_message(message)) {
    bytes.append(part.view());
  }
  return Buffer::adopt(std::move(bytes));
}

SnapshotChunk some_chunk() {
  return {.session = 300,
          .number = 5,
          .sizes = {{3, 4}, {1, 0}},
          .bytes = Buffer::copy_of("keyvalu!"),
          .whole = SnapshotChunk::Whole{.sum = 0xDEADBEEF, .records = 1000}};
}

TEST(SnapshotMessage, ReadsBackWhatWasWritten) {
  SnapshotOffer offer{.session = 1, .id = {Position(70'000), Tag(3)}};
  offer.membership.voters = {NodeId(1), NodeId(2)};
  offer.membership.learners = {NodeId(9)};
  const auto offered = decode_snapshot_message(joined(offer));
  ASSERT_TRUE(offered.has_value());
  EXPECT_EQ(std::get<SnapshotOffer>(*offered).id, offer.id);
  EXPECT_EQ(std::get<SnapshotOffer>(*offered).membership, offer.membership);

  const auto wanted = decode_snapshot_message(joined(SnapshotWant{.session = 2, .next = 3, .end = 19, .again = true}));
  ASSERT_TRUE(wanted.has_value());
  EXPECT_EQ(std::get<SnapshotWant>(*wanted).end, 19U);
  EXPECT_TRUE(std::get<SnapshotWant>(*wanted).again);

  const auto read = decode_snapshot_message(joined(some_chunk()));
  ASSERT_TRUE(read.has_value());
  const auto& chunk = std::get<SnapshotChunk>(*read);
  EXPECT_EQ(chunk.number, 5U);
  EXPECT_EQ(chunk.bytes.view(), "keyvalu!");
  EXPECT_EQ(chunk.sizes[0].value, 4U);
  EXPECT_EQ(chunk.sum, sum_of_chunk(chunk.sizes, chunk.bytes.view()));
  EXPECT_EQ(chunk.whole->records, 1000U);
  EXPECT_EQ(chunk.whole->sum, 0xDEADBEEF);

  const auto ended =
      decode_snapshot_message(joined(SnapshotEnd{.session = 4, .outcome = SnapshotEnd::Outcome::has_it}));
  ASSERT_TRUE(ended.has_value());
  EXPECT_EQ(std::get<SnapshotEnd>(*ended).outcome, SnapshotEnd::Outcome::has_it);
}

// N-06: a chunk is whole and in its place, or it is none.
TEST(SnapshotMessage, AChunkWithAnyByteChangedIsNone) {
  const Buffer whole = joined(some_chunk());
  for (std::size_t at = 0; at < whole.size(); ++at) {
    for (const int bit : {0, 3, 7}) {
      std::string bytes(whole.view());
      bytes[at] = static_cast<char>(bytes[at] ^ (1 << bit));
      const auto read = decode_snapshot_message(Buffer::adopt(bytes));
      EXPECT_FALSE(read.has_value() && std::holds_alternative<SnapshotChunk>(*read)) << at;
    }
    EXPECT_FALSE(decode_snapshot_message(whole.slice(0, at)).has_value()) << at;
  }
}

TEST(SnapshotMessage, TheSumOfAllKnowsTheOrder) {
  const std::uint32_t ab = add_to_sum(add_to_sum(0, 1), 2);
  const std::uint32_t ba = add_to_sum(add_to_sum(0, 2), 1);
  EXPECT_NE(ab, ba);
}

}  // namespace
}  // namespace quorate::group
