// What services send each other, and how often it is taken.

#include "service/service_message.h"

#include <random>
#include <set>
#include <string>

#include <gtest/gtest.h>

namespace quorate::service {
namespace {

TEST(ServiceMessage, HeadAndItemsComeBack) {
  codec::Writer writer;
  write_head(writer, {.from = Incarnation(7), .to = Incarnation(9), .sequence = 11});
  write_item(writer, {.kind = ItemKind::propose, .detail = 3, .number = 1U << 30, .attempt = 5, .bytes = "request"});
  write_item(writer, {.kind = ItemKind::refuse, .detail = 2, .number = 6, .attempt = 7});
  codec::Reader reader(writer.view());
  MessageHead head;
  ASSERT_TRUE(read_head(reader, head));
  EXPECT_EQ(head.from, Incarnation(7));
  EXPECT_EQ(head.to, Incarnation(9));
  EXPECT_EQ(head.sequence, 11U);
  Item item;
  ASSERT_TRUE(read_item(reader, item));
  EXPECT_EQ(item.number, 1U << 30);
  EXPECT_EQ(item.attempt, 5U);
  EXPECT_EQ(item.bytes, "request");
  ASSERT_TRUE(read_item(reader, item));
  EXPECT_EQ(item.kind, ItemKind::refuse);
  EXPECT_TRUE(reader.finished());
}

TEST(ServiceMessage, BrokenBytesAreRefusedAtAnyPlace) {
  codec::Writer writer;
  write_head(writer, {.from = Incarnation(7), .to = Incarnation(9), .sequence = 11});
  write_item(writer, {.kind = ItemKind::propose, .detail = 3, .number = 300, .attempt = 5, .bytes = "request"});
  const std::string whole(writer.view());
  for (std::size_t size = 0; size < whole.size(); ++size) {
    codec::Reader reader(ByteView(whole).substr(0, size));
    MessageHead head;
    Item item;
    EXPECT_FALSE(read_head(reader, head) && read_item(reader, item)) << size;
  }
  for (const auto& [at, value] : {std::pair{0, 2}, {25, 0}, {25, 5}, {26, 0}, {26, 9}}) {
    std::string damaged = whole;
    damaged[static_cast<std::size_t>(at)] = static_cast<char>(value);
    codec::Reader reader(damaged);
    MessageHead head;
    Item item;
    EXPECT_FALSE(read_head(reader, head) && read_item(reader, item)) << at << " " << value;
  }
}

TEST(SequenceWindow, TakesEachNumberAtMostOnce) {
  std::mt19937_64 random(3);
  SequenceWindow window;
  std::set<std::uint64_t> taken;
  std::uint64_t highest = 0;
  for (int i = 0; i < 100'000; ++i) {
    const std::uint64_t base = highest > 80 ? highest - 80 : 0;
    const std::uint64_t number = base + random() % (random() % 50 == 0 ? 300 : 84);
    const bool accepted = window.accept(number);
    if (accepted) {
      ASSERT_TRUE(taken.insert(number).second) << number;
    } else {
      ASSERT_TRUE(number == 0 || taken.contains(number) || number + 64 <= highest) << number;
    }
    highest = std::max(highest, accepted ? number : 0);
  }
}

}  // namespace
}  // namespace quorate::service
