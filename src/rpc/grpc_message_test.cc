#include "rpc/grpc_message.h"

#include <gtest/gtest.h>

#include "rpc/token_bucket.h"

namespace quorate::rpc {
namespace {

TEST(GrpcTimeout, ReadsEveryUnitAndNothingElse) {
  EXPECT_EQ(parse_timeout("2H"), std::chrono::hours(2));
  EXPECT_EQ(parse_timeout("3M"), std::chrono::minutes(3));
  EXPECT_EQ(parse_timeout("99999999S"), std::chrono::seconds(99'999'999));
  EXPECT_EQ(parse_timeout("5m"), std::chrono::milliseconds(5));
  EXPECT_EQ(parse_timeout("6u"), std::chrono::microseconds(6));
  EXPECT_EQ(parse_timeout("0n"), std::chrono::nanoseconds(0));
  EXPECT_EQ(parse_timeout("99999999H"), std::chrono::hours(876'000));
  for (const std::string_view wrong : {"", "S", "5", "5x", "-5S", "5 S", "123456789S"}) {
    EXPECT_EQ(parse_timeout(wrong), std::nullopt) << wrong;
  }
}

TEST(GrpcText, EncodesWhatHeadersMayNotHold) {
  EXPECT_EQ(percent_encode("plain text: ok."), "plain text: ok.");
  EXPECT_EQ(percent_encode("100%\r\n\x7F\xC3\xA9"), "100%25%0D%0A%7F%C3%A9");
}

TEST(GrpcMessages, AreReadFromAnySplit) {
  const std::string text = "hello, message";
  const auto prefix = message_prefix(text.size());
  const std::string bytes = std::string(prefix.data(), prefix.size()) + text + std::string(5, '\0') + "rest";
  for (std::size_t split = 0; split <= bytes.size(); ++split) {
    MessageReader reader;
    std::vector<std::string> messages;
    for (ByteView part : {ByteView(bytes).substr(0, split), ByteView(bytes).substr(split)}) {
      while (!part.empty()) {
        Buffer message;
        const MessageReader::Event event = reader.next(part, 100, message);
        if (event == MessageReader::Event::message) {
          messages.emplace_back(message.view());
        } else if (event != MessageReader::Event::needs_more) {
          break;
        }
      }
    }
    EXPECT_EQ(messages, (std::vector<std::string>{text, ""})) << split;
  }
}

TEST(GrpcMessages, TakeNoMoreMemoryThanArrived) {
  MessageReader reader;
  const auto prefix = message_prefix(2'000'000);
  ByteView input(prefix.data(), prefix.size());
  Buffer message;
  EXPECT_EQ(reader.next(input, 2'000'000, message), MessageReader::Event::needs_more);
  EXPECT_EQ(reader.held_bytes(), 0U);
  const std::string part(1000, 'p');
  input = part;
  EXPECT_EQ(reader.next(input, 2'000'000, message), MessageReader::Event::needs_more);
  EXPECT_EQ(reader.held_bytes(), 1000U);
}

TEST(TokenBucket, AllowsTheBurstAndThenTheRate) {
  TokenBucket bucket(3, 2);
  Instant now{};
  EXPECT_TRUE(bucket.take(now));
  now += std::chrono::hours(1);  // never more than the burst
  for (int i = 0; i < 3; ++i) {
    EXPECT_TRUE(bucket.take(now));
  }
  EXPECT_FALSE(bucket.take(now));
  now += std::chrono::milliseconds(500);
  EXPECT_TRUE(bucket.take(now));
  EXPECT_FALSE(bucket.take(now));
}

}  // namespace
}  // namespace quorate::rpc
