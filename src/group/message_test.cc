#include "group/message.h"

#include <array>
#include <string>

#include <gtest/gtest.h>

namespace quorate::group {
namespace {

using storage::LogEntry;

LogEntry entry(std::uint64_t position, std::uint64_t tag, std::uint8_t kind, std::string_view payload) {
  return {{Position(position), Tag(tag)}, kind, Buffer::copy_of(payload)};
}

Buffer joined(const std::vector<Buffer>& parts) {
  std::string bytes;
  for (const Buffer& part : parts) {
    bytes.append(part.view());
  }
  return Buffer::adopt(std::move(bytes));
}

Buffer encoded(ByteView core_bytes, std::span<const LogEntry> entries) {
  std::string scratch;
  std::vector<Buffer> parts;
  encode_message(core_bytes, entries, scratch, parts);
  return joined(parts);
}

TEST(GroupMessage, WithoutEntriesIsLengthBytesAndZero) {
  const Buffer bytes = encoded("vote", {});
  EXPECT_EQ(bytes.view(), std::string_view("\x04vote\x00", 6));
  GroupMessage message;
  ASSERT_TRUE(decode_message(bytes, message));
  EXPECT_EQ(message.core_bytes, "vote");
  EXPECT_TRUE(message.entries.empty());
}

TEST(GroupMessage, CarriesEntriesAndSharesTheirBytes) {
  const std::array entries = {entry(7, 3, 0, ""), entry(8, 3, 1, "put a"), entry(9, 5, 2, "members"),
                              entry(10, 5, 1, "")};
  const Buffer bytes = encoded("append", entries);
  GroupMessage message;
  ASSERT_TRUE(decode_message(bytes, message));
  EXPECT_EQ(message.core_bytes, "append");
  ASSERT_EQ(message.entries.size(), entries.size());
  for (std::size_t i = 0; i < entries.size(); ++i) {
    EXPECT_EQ(message.entries[i].id, entries[i].id);
    EXPECT_EQ(static_cast<std::uint8_t>(message.entries[i].kind), entries[i].kind);
    EXPECT_EQ(message.entries[i].payload, entries[i].payload);
  }
  const ByteView shared = message.entries[1].payload.view();
  EXPECT_GE(shared.data(), bytes.data());
  EXPECT_LE(shared.data() + shared.size(), bytes.data() + bytes.size());
}

TEST(GroupMessage, PayloadsLeaveAsTheyAre) {
  const std::array entries = {entry(1, 1, 1, "payload")};
  std::string scratch;
  std::vector<Buffer> parts;
  encode_message("m", entries, scratch, parts);
  ASSERT_EQ(parts.size(), 2U);
  EXPECT_EQ(parts[1].data(), entries[0].payload.data());
}

TEST(GroupMessage, RefusesEveryTruncationAndTrailingBytes) {
  const std::array entries = {entry(7, 3, 1, "first"), entry(8, 4, 1, "second")};
  const Buffer bytes = encoded("append", entries);
  GroupMessage message;
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    EXPECT_FALSE(decode_message(Buffer::copy_of(bytes.view().substr(0, size)), message)) << size;
  }
  EXPECT_FALSE(decode_message(Buffer::copy_of(std::string(bytes.view()) + "x"), message));
}

TEST(GroupMessage, RefusesWhatBreaksTheFormat) {
  using std::string_literals::operator""s;
  const std::array bad = {
      "\x00\xFF\xFF\xFF\xFF\x0F"s,                                          // four billion entries, no bytes
      "\x00\x01\x00\x01\x01\x01\x00"s,                                      // position none
      "\x00\x01\x01\x01\x00\x01\x00"s,                                      // tag none
      "\x00\x01\x01\x00\x01\x01\x00"s,                                      // an empty run
      "\x00\x01\x01\x02\x01\x01\x00"s,                                      // a run longer than the count
      "\x00\x01\x01\x01\x01\x03\x00"s,                                      // unknown kind
      "\x00\x01\x01\x01\x01\x01\x02z"s,                                     // payload longer than the message
      "\x00\x01\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x01\x01\x01\x01\x00"s,  // positions run over
  };
  GroupMessage message;
  for (const std::string& bytes : bad) {
    EXPECT_FALSE(decode_message(Buffer::copy_of(bytes), message)) << testing::PrintToString(bytes);
  }
  EXPECT_TRUE(decode_message(Buffer::copy_of("\x00\x01\x01\x01\x01\x01\x00"s), message));
}

}  // namespace
}  // namespace quorate::group
