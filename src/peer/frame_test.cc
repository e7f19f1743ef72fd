#include "peer/frame.h"

#include <random>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "base/plant.h"

namespace quorate::peer {
namespace {

constexpr std::size_t kLimit = 1U << 20;

Frame message(std::uint64_t group) {
  Frame frame;
  frame.channel = 2;
  frame.group = GroupId(group);
  frame.sender = Incarnation(77);
  return frame;
}

std::string encoded(std::vector<std::string> bodies) {
  FrameBatch batch;
  for (std::size_t i = 0; i < bodies.size(); ++i) {
    const Buffer part = Buffer::copy_of(bodies[i]);
    batch.add(message(i + 1), {&part, 1});
  }
  std::string bytes;
  for (const Buffer& chunk : batch.chunks()) {
    bytes += chunk.view();
  }
  EXPECT_EQ(bytes.size(), batch.bytes());
  return bytes;
}

struct Outcome {
  std::vector<std::string> bodies;
  bool damaged = false;
};

void feed(FrameReader& reader, std::string_view chunk, Outcome& outcome) {
  reader.add(Buffer::copy_of(chunk));
  Frame frame;
  while (true) {
    const FrameReader::Found found = reader.next(frame);
    if (found == FrameReader::Found::frame) {
      EXPECT_EQ(frame.type, FrameType::message);
      EXPECT_EQ(frame.channel, 2);
      EXPECT_EQ(frame.sender, Incarnation(77));
      EXPECT_EQ(frame.group, GroupId(outcome.bodies.size() + 1));
      outcome.bodies.emplace_back(frame.body.view());
    } else {
      outcome.damaged = found == FrameReader::Found::damaged;
      return;
    }
  }
}

TEST(FrameTest, TheBytesAreThoseOfTheFormat) {
  Frame frame;
  frame.type = FrameType::message;
  frame.channel = 1;
  frame.group = GroupId(0x0102030405060708);
  frame.sender = Incarnation(0x1112131415161718);
  FrameBatch batch;
  const Buffer body = Buffer::copy_of("123456789");
  batch.add(frame, {&body, 1});
  ASSERT_EQ(batch.chunks().size(), 1U);
  const ByteView bytes = batch.chunks()[0].view();
  ASSERT_EQ(bytes.size(), 32U + 9U);
  EXPECT_EQ(bytes.substr(0, 8), ByteView("\x09\x00\x00\x00\x05\x01\x00\x00", 8));
  EXPECT_EQ(bytes.substr(8, 16), ByteView("\x08\x07\x06\x05\x04\x03\x02\x01\x18\x17\x16\x15\x14\x13\x12\x11", 16));
  EXPECT_EQ(bytes.substr(24, 4), ByteView("\x83\x92\x06\xE3", 4));  // the check value of CRC-32C, E3069283
  EXPECT_EQ(bytes.substr(32), "123456789");
}

TEST(FrameTest, SplitAnywhereItIsPutTogether) {
  const std::vector<std::string> bodies = {"first", "", std::string(300, 'x'), "last"};
  const std::string bytes = encoded(bodies);
  for (std::size_t cut = 0; cut <= bytes.size(); ++cut) {
    for (const std::size_t second : {cut, cut + 1, cut + 40}) {
      FrameReader reader(kLimit);
      Outcome outcome;
      const std::size_t end = std::min(second, bytes.size());
      feed(reader, std::string_view(bytes).substr(0, cut), outcome);
      feed(reader, std::string_view(bytes).substr(cut, end - cut), outcome);
      feed(reader, std::string_view(bytes).substr(end), outcome);
      ASSERT_EQ(outcome.bodies, bodies) << "cut at " << cut;
      ASSERT_FALSE(outcome.damaged);
    }
  }
}

TEST(FrameTest, ByteByByteItIsPutTogether) {
  const std::vector<std::string> bodies = {"a", std::string(5000, 'y'), "b"};
  FrameReader reader(kLimit);
  Outcome outcome;
  for (const char byte : encoded(bodies)) {
    feed(reader, {&byte, 1}, outcome);
  }
  EXPECT_EQ(outcome.bodies, bodies);
}

TEST(FrameTest, NothingDamagedIsDelivered) {
  const std::vector<std::string> bodies = {"first", "second message", "third"};
  const std::string good = encoded(bodies);
  for (std::size_t at = 0; at < good.size(); ++at) {
    for (int bit = 0; bit < 8; ++bit) {
      std::string bytes = good;
      bytes[at] = static_cast<char>(bytes[at] ^ (1 << bit));
      FrameReader reader(kLimit);
      Outcome outcome;
      feed(reader, bytes, outcome);
      ASSERT_TRUE(outcome.damaged) << "byte " << at << " bit " << bit;
      ASSERT_LT(outcome.bodies.size(), bodies.size());
      for (std::size_t i = 0; i < outcome.bodies.size(); ++i) {
        ASSERT_EQ(outcome.bodies[i], bodies[i]);
      }
      EXPECT_FALSE(reader.damage().empty());
    }
  }
}

TEST(FrameTest, TheLimitHoldsBeforeTheBodyArrives) {
  const std::string bytes = encoded({std::string(1000, 'z')});
  FrameReader exact(1000);
  Outcome fits;
  feed(exact, bytes, fits);
  EXPECT_EQ(fits.bodies.size(), 1U);
  FrameReader tight(999);
  Outcome outcome;
  feed(tight, std::string_view(bytes).substr(0, kFrameHeaderBytes), outcome);
  EXPECT_TRUE(outcome.damaged);
  EXPECT_EQ(tight.damage(), "a frame of 1000 bytes exceeds the limit of 999");
}

TEST(FrameTest, MemoryGrowsWithWhatArrivesNotWithWhatIsClaimed) {
  const std::string bytes = encoded({std::string(1U << 20, 'z')});
  FrameReader reader(kLimit);
  Outcome outcome;
  feed(reader, std::string_view(bytes).substr(0, 100), outcome);
  EXPECT_EQ(reader.held_bytes(), 100U);
}

TEST(FrameTest, AFrameOfOneChunkIsASliceOfItAndLargePartsAreNotCopied) {
  FrameBatch batch;
  const Buffer small = Buffer::copy_of("small");
  const Buffer large = Buffer::copy_of(std::string(FrameBatch::kCopyBelow, 'L'));
  const std::vector<Buffer> parts = {small, large, small};
  batch.add(message(1), parts);
  batch.add(message(2), {&small, 1});
  ASSERT_EQ(batch.chunks().size(), 3U);  // header and small, large, small and the next frame
  EXPECT_EQ(batch.chunks()[1].data(), large.data());

  std::string bytes;
  for (const Buffer& chunk : batch.chunks()) {
    bytes += chunk.view();
  }
  const Buffer chunk = Buffer::copy_of(bytes);
  FrameReader reader(kLimit);
  reader.add(chunk);
  Frame frame;
  ASSERT_EQ(reader.next(frame), FrameReader::Found::frame);
  EXPECT_EQ(frame.body.data(), chunk.data() + kFrameHeaderBytes);
  batch.clear();
  EXPECT_TRUE(batch.empty());
}

TEST(FrameTest, RandomBytesAreDamageNeverACrash) {
  std::mt19937 random(3);
  for (int run = 0; run < 2000; ++run) {
    std::string bytes(random() % 200, '\0');
    for (char& byte : bytes) {
      byte = static_cast<char>(random());
    }
    FrameReader reader(kLimit);
    Outcome outcome;
    feed(reader, bytes, outcome);
    EXPECT_TRUE(outcome.bodies.empty());
    EXPECT_EQ(outcome.damaged, bytes.size() >= kFrameHeaderBytes);
  }
}

#ifdef QUORATE_PLANTS
TEST(FrameTest, ThePlantDeliversWhatTheChecksumForbids) {
  activate_plant("deliver_without_checksum");
  std::string bytes = encoded({"body"});
  bytes.back() = '!';
  FrameReader reader(kLimit);
  Outcome outcome;
  feed(reader, bytes, outcome);
  activate_plant("");
  EXPECT_EQ(outcome.bodies, std::vector<std::string>{"bod!"});
}
#endif

}  // namespace
}  // namespace quorate::peer
