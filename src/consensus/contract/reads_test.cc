#include "consensus/contract/reads.h"

#include <gtest/gtest.h>

namespace quorate::consensus {
namespace {

TEST(read_queue, a_round_is_for_those_that_came_before_it) {
  ReadQueue queue;
  queue.add({.from = NodeId(1), .context = Context(1)});
  queue.begin(5, Position(10));
  queue.add({.from = NodeId(1), .context = Context(2)});
  EXPECT_EQ(queue.round(), 5U);
  EXPECT_FALSE(queue.take_confirmed(4).has_value());
  const std::optional<ReadQueue::Read> first = queue.take_confirmed(5);
  ASSERT_TRUE(first.has_value());
  EXPECT_EQ(first->context, Context(1));
  EXPECT_EQ(first->position, Position(10));
  EXPECT_FALSE(queue.take_confirmed(9).has_value()) << "its round has not begun";
  queue.begin(6, Position(11));
  EXPECT_EQ(queue.take_confirmed(9)->position, Position(11));
  EXPECT_TRUE(queue.is_empty());
}

TEST(read_queue, is_bounded) {
  ReadQueue queue;
  for (std::size_t i = 0; i < kMaxWaitingReads; ++i) {
    queue.add({.from = NodeId(1), .context = Context(i + 1)});
  }
  EXPECT_TRUE(queue.is_full());
  EXPECT_EQ(queue.take_all().size(), kMaxWaitingReads);
}

TEST(forwarded_reads, an_answer_is_for_all_before_it) {
  ForwardedReads reads;
  EXPECT_EQ(reads.add(Context(7)), 1U);
  EXPECT_EQ(reads.add(Context(8)), 2U);
  EXPECT_EQ(reads.add(Context(9)), 3U);
  EXPECT_EQ(reads.take_up_to(2), (std::vector{Context(7), Context(8)}));
  EXPECT_TRUE(reads.take_up_to(2).empty());
  EXPECT_FALSE(reads.must_ask_again()) << "it may be on its way";
  EXPECT_TRUE(reads.must_ask_again());
  EXPECT_EQ(reads.take_all(), std::vector{Context(9)});
  EXPECT_FALSE(reads.must_ask_again());
}

}  // namespace
}  // namespace quorate::consensus
