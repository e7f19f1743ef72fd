#include "group/mend_message.h"

#include <string>

#include <gtest/gtest.h>

namespace quorate::group {
namespace {

std::string joined(const MendMessage& message) {
  std::string bytes;
  for (const Buffer& part : encode_mend_message(message)) {
    bytes.append(part.view());
  }
  return bytes;
}

std::optional<MendMessage> read(const std::string& bytes) { return decode_mend_message(Buffer::copy_of(bytes)); }

TEST(MendMessage, ReadsBackWhatWasWritten) {
  const PayloadQuestion question{{{Position(7), Tag(2)}, {Position(70'000), Tag(3)}}};
  const auto asked = read(joined(question));
  ASSERT_TRUE(asked.has_value());
  EXPECT_EQ(std::get<PayloadQuestion>(*asked).entries, question.entries);

  const auto answered = read(joined(PayloadAnswer{{Position(7), Tag(2)}, Buffer::copy_of("payload")}));
  ASSERT_TRUE(answered.has_value());
  EXPECT_EQ(std::get<PayloadAnswer>(*answered).entry, (EntryId{Position(7), Tag(2)}));
  EXPECT_EQ(std::get<PayloadAnswer>(*answered).payload.view(), "payload");

  const auto needless = read(joined(PayloadNeedless{}));
  ASSERT_TRUE(needless.has_value());
  EXPECT_TRUE(std::holds_alternative<PayloadNeedless>(*needless));
}

TEST(MendMessage, WhatBreaksTheFormatDoesNotDecode) {
  const std::string question = joined(PayloadQuestion{{{Position(7), Tag(2)}, {Position(8), Tag(2)}}});
  for (std::size_t size = 0; size < question.size(); ++size) {
    EXPECT_FALSE(read(question.substr(0, size)).has_value()) << size;
  }
  EXPECT_FALSE(read(question + "x").has_value()) << "more than it says";
  EXPECT_FALSE(read(joined(PayloadQuestion{})).has_value()) << "asks for nothing";
  EXPECT_FALSE(read(joined(PayloadQuestion{{EntryId()}})).has_value()) << "no entry has position 0";
  PayloadQuestion large;
  large.entries.assign(kMostAskedAtOnce + 1, {Position(1), Tag(1)});
  EXPECT_FALSE(read(joined(large)).has_value()) << "asks for too much";
  EXPECT_FALSE(read(joined(PayloadAnswer{EntryId(), Buffer::copy_of("payload")})).has_value());
  EXPECT_FALSE(read(joined(PayloadNeedless{}) + "x").has_value());
  EXPECT_FALSE(read("\x09").has_value()) << "an unknown kind";
}

}  // namespace
}  // namespace quorate::group
