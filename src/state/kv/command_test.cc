#include "state/kv/command.h"

#include <gtest/gtest.h>

namespace quorate::kv {
namespace {

const CommandHeader kHeader{.kind = CommandKind::txn,
                            .request = {NodeId(0x0102030405060708), Incarnation(9), 0xFFFFFFFFFFFFFFFF},
                            .time = {-5},
                            .expired_in = Tag(77)};

TEST(Command, has_the_documented_bytes) {
  const Buffer bytes = encode_command(kHeader, "request");
  ASSERT_EQ(bytes.size(), 42U + 7U);
  EXPECT_EQ(bytes.view().substr(0, 10), ByteView("\1\3\x08\x07\x06\x05\x04\x03\x02\x01", 10));
  EXPECT_EQ(bytes.view().substr(10, 8), ByteView("\x09\0\0\0\0\0\0\0", 8));
  EXPECT_EQ(bytes.view().substr(26, 8), ByteView("\xFB\xFF\xFF\xFF\xFF\xFF\xFF\xFF", 8));
  EXPECT_EQ(bytes.view().substr(34, 8), ByteView("\x4D\0\0\0\0\0\0\0", 8));
  EXPECT_EQ(bytes.view().substr(42), "request");
}

TEST(Command, comes_back_whole) {
  const Buffer bytes = encode_command(kHeader, "request");
  const Result<Command> command = decode_command(bytes.view());
  ASSERT_TRUE(command.has_value());
  EXPECT_EQ(command->header.kind, kHeader.kind);
  EXPECT_EQ(command->header.request, kHeader.request);
  EXPECT_EQ(command->header.time.unix_ms, -5);
  EXPECT_EQ(command->header.expired_in, Tag(77));
  EXPECT_EQ(command->request, "request");
  EXPECT_EQ(command->request.data(), bytes.data() + 42);
}

TEST(Command, short_bytes_are_corrupt_and_newer_ones_are_told_apart) {
  const Buffer bytes = encode_command(kHeader, {});
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    const Result<Command> command = decode_command(bytes.view().substr(0, size));
    ASSERT_FALSE(command.has_value()) << size;
    EXPECT_EQ(command.error().code, ErrorCode::corrupt) << size;
  }
  std::string newer(bytes.view());
  newer[0] = 2;
  EXPECT_EQ(decode_command(newer).error().code, ErrorCode::newer_format);
  newer[0] = 0;
  EXPECT_EQ(decode_command(newer).error().code, ErrorCode::corrupt);
  newer[0] = 1;
  newer[1] = 99;
  EXPECT_EQ(decode_command(newer).error().code, ErrorCode::newer_format);
}

}  // namespace
}  // namespace quorate::kv
