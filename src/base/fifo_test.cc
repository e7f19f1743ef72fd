// A queue in one vector: the same as a deque under any sequence of calls, and it keeps nothing that was taken.

#include "base/fifo.h"

#include <algorithm>
#include <cstdint>
#include <deque>
#include <memory>
#include <utility>

#include <gtest/gtest.h>

namespace quorate {
namespace {

template <class A, class B>
bool same(const A& a, const B& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end());
}

TEST(FifoTest, IsADequeUnderAnySequenceOfCalls) {
  Fifo<int> fifo;
  std::deque<int> deque;
  std::uint64_t state = 7;
  for (int step = 0; step < 20'000; ++step) {
    state = state * 6364136223846793005ULL + 1442695040888963407ULL;
    const std::uint64_t drawn = state >> 33;
    switch (drawn % 8) {
      case 0:
      case 1:
      case 2:
        fifo.push_back(step);
        deque.push_back(step);
        break;
      case 3:
      case 4:
        if (!deque.empty()) {
          EXPECT_EQ(fifo.front(), deque.front());
          fifo.pop_front();
          deque.pop_front();
        }
        break;
      case 5:
        if (!deque.empty()) {
          EXPECT_EQ(fifo.back(), deque.back());
          fifo.pop_back();
          deque.pop_back();
        }
        break;
      case 6: {
        const auto is_third = [](int value) { return value % 3 == 0; };
        EXPECT_EQ(fifo.erase_if(is_third), std::erase_if(deque, is_third));
        break;
      }
      default:
        if (drawn % 128 < 16) {
          fifo.truncate(fifo.size() / 2);
          deque.resize(deque.size() / 2);
        } else if (drawn % 128 < 20) {
          fifo.clear();
          deque.clear();
        }
    }
    ASSERT_TRUE(same(fifo, deque)) << step;
    const Fifo<int> copy = fifo;
    ASSERT_TRUE(same(copy, deque)) << step;
  }
}

TEST(FifoTest, KeepsNothingThatWasTaken) {
  const auto held = std::make_shared<int>(1);
  Fifo<std::shared_ptr<int>> fifo;
  fifo.push_back(held);
  fifo.push_back(held);
  fifo.pop_front();
  EXPECT_EQ(held.use_count(), 2) << "the second";
  const Fifo<std::shared_ptr<int>> moved = std::move(fifo);
  EXPECT_EQ(moved.size(), 1U);
  EXPECT_TRUE(fifo.empty());  // NOLINT(bugprone-use-after-move): what is left is an empty queue
}

}  // namespace
}  // namespace quorate
