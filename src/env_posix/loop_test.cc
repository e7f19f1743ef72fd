#include "env_posix/loop.h"

#include <algorithm>
#include <random>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "env_posix/entropy.h"
#include "env_posix/timer_heap.h"

namespace quorate::env_posix {
namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;
using std::chrono::seconds;

/// Notes the tokens of the callbacks that it got, and may act on them.
struct Recorder {
  void note(std::uint64_t token) {
    seen.push_back(token);
    if (action) {
      action(token);
    }
  }
  Callback<> callback(std::uint64_t token) { return Callback<>::to<&Recorder::note>(this, token); }
  std::vector<std::uint64_t> seen;
  std::function<void(std::uint64_t)> action;
};

class LoopTest : public testing::Test {
 protected:
  std::unique_ptr<EventLoop> loop = EventLoop::make().value();
  Recorder recorder;

  void turns_until(std::size_t count) {
    for (int i = 0; i < 1000 && recorder.seen.size() < count; ++i) {
      loop->run_turn(milliseconds(10));
    }
    ASSERT_EQ(recorder.seen.size(), count);
  }
};

TEST_F(LoopTest, TimersFireInOrderOfTheirDeadlinesAndNotEarly) {
  const Instant start = loop->now();
  loop->arm(start + milliseconds(8), recorder.callback(3));
  loop->arm(start + milliseconds(2), recorder.callback(1));
  loop->arm(start + milliseconds(2), recorder.callback(2));
  recorder.action = [&](std::uint64_t token) {
    EXPECT_GE(loop->now() - start, token == 3 ? milliseconds(8) : milliseconds(2));
  };
  turns_until(3);
  EXPECT_EQ(recorder.seen, (std::vector<std::uint64_t>{1, 2, 3}));
  EXPECT_LT(loop->now() - start, seconds(2));
}

TEST_F(LoopTest, ACancelledTimerDoesNotFireEvenIfItWasDueInTheSameTurn) {
  const Instant past = loop->now() - milliseconds(1);
  env::TimerId second = 0;
  recorder.action = [&](std::uint64_t) { loop->cancel(second); };
  const env::TimerId first = loop->arm(past, recorder.callback(1));
  second = loop->arm(past, recorder.callback(2));
  loop->run_turn(milliseconds(1));
  EXPECT_EQ(recorder.seen, (std::vector<std::uint64_t>{1}));
  loop->cancel(first);  // fired: ignored, even though its slot is free
  loop->cancel(0);
  loop->arm(past, recorder.callback(3));
  loop->cancel(first);
  loop->run_turn(milliseconds(1));
  EXPECT_EQ(recorder.seen, (std::vector<std::uint64_t>{1, 3}));
}

TEST_F(LoopTest, ATimerArmedByATimerWaitsForTheNextTurn) {
  recorder.action = [&](std::uint64_t token) {
    if (token < 3) {
      loop->arm(loop->now() - seconds(1), recorder.callback(token + 1));
    }
  };
  loop->arm(loop->now(), recorder.callback(1));
  loop->run_turn(milliseconds(1));
  EXPECT_EQ(recorder.seen.size(), 1U);
  loop->run_turn(milliseconds(1));
  EXPECT_EQ(recorder.seen.size(), 2U);
}

TEST_F(LoopTest, DeferredWorkRunsAtTheEndOfTheTurnAndMayDeferMore) {
  recorder.action = [&](std::uint64_t token) {
    if (token == 1) {
      loop->defer(recorder.callback(10));
      loop->defer(recorder.callback(11));
    } else if (token == 10) {
      loop->defer(recorder.callback(12));
    }
  };
  loop->arm(loop->now(), recorder.callback(1));
  loop->arm(loop->now(), recorder.callback(2));
  loop->run_turn(milliseconds(1));
  EXPECT_EQ(recorder.seen, (std::vector<std::uint64_t>{1, 2, 10, 11, 12}));
}

TEST_F(LoopTest, WorkBehindTheWritesDefersIntoTheSameTurnAndIsFollowedInTheNext) {
  loop->after_writes([this] {
    recorder.note(2);
    loop->defer(recorder.callback(3));
    loop->after_writes([this] { recorder.note(4); });
  });
  loop->defer(recorder.callback(1));
  loop->run_turn(seconds(10));
  EXPECT_EQ(recorder.seen, (std::vector<std::uint64_t>{1, 2, 3}));
  loop->run_turn(seconds(10));  // does not wait: there is work
  EXPECT_EQ(recorder.seen, (std::vector<std::uint64_t>{1, 2, 3, 4}));
}

TEST_F(LoopTest, PostedWorkRunsInOrderAndWakesALoopThatSleeps) {
  std::thread other([&] {
    for (std::uint64_t i = 1; i <= 1000; ++i) {
      loop->post([this, i] {
        recorder.note(i);
        if (i == 1000) {
          loop->stop();
        }
      });
      if (i % 100 == 0) {
        std::this_thread::sleep_for(milliseconds(1));
      }
    }
  });
  loop->run();
  other.join();
  EXPECT_EQ(recorder.seen.size(), 1000U);
  EXPECT_TRUE(std::is_sorted(recorder.seen.begin(), recorder.seen.end()));
}

TEST_F(LoopTest, PostingToALoopThatIsAwakeDoesNotWakeIt) {
  recorder.action = [&](std::uint64_t token) {
    if (token == 1) {
      loop->post([this] { recorder.note(2); });
      loop->post([this] { recorder.note(3); });
    }
  };
  loop->post([this] { recorder.note(1); });
  turns_until(3);
  EXPECT_EQ(loop->stats().wakeups, 0U);
}

TEST_F(LoopTest, StopFromAnotherThreadEndsALoopWithNothingToDo) {
  for (int i = 0; i < 20; ++i) {
    std::thread other([&] {
      std::this_thread::sleep_for(microseconds(200));
      loop->stop();
    });
    loop->run();
    other.join();
  }
}

TEST_F(LoopTest, WorkPostedAfterTheLoopsEndIsDropped) {
  const std::shared_ptr<Poster> poster = loop->shared_poster();
  auto held = std::make_shared<int>(1);
  poster->post([held] {});
  EXPECT_EQ(held.use_count(), 2);
  loop.reset();
  EXPECT_EQ(held.use_count(), 1);
  poster->post([held] { FAIL(); });
  EXPECT_EQ(held.use_count(), 1);
}

TEST(TimerHeapTest, KeepsTheOrderOfASortedListUnderRandomArmingAndCancelling) {
  TimerHeap heap;
  Recorder recorder;
  std::mt19937_64 random(7);
  struct Armed {
    Instant deadline;
    std::uint64_t token;
    env::TimerId id;
  };
  std::vector<Armed> model;
  for (std::uint64_t token = 1; token <= 20'000; ++token) {
    if (random() % 3 != 0 || model.empty()) {
      const Instant deadline{Duration(random() % 1000)};
      model.push_back({deadline, token, heap.arm(deadline, recorder.callback(token))});
    } else if (random() % 2 == 0) {
      const auto victim = model.begin() + static_cast<std::ptrdiff_t>(random() % model.size());
      heap.cancel(victim->id);
      heap.cancel(victim->id);
      model.erase(victim);
    } else {
      const auto first = std::min_element(model.begin(), model.end(), [](const Armed& a, const Armed& b) {
        return a.deadline != b.deadline ? a.deadline < b.deadline : a.token < b.token;
      });
      ASSERT_EQ(heap.earliest(), first->deadline);
      EXPECT_FALSE(heap.take_due(first->deadline - Duration(1), heap.mark()));
      heap.take_due(first->deadline, heap.mark())();
      ASSERT_EQ(recorder.seen.back(), first->token);
      model.erase(first);
    }
  }
}

TEST(SystemEntropyTest, GivesDifferentWords) {
  SystemEntropy entropy;
  std::vector<std::uint64_t> words(200);
  std::generate(words.begin(), words.end(), [&] { return entropy.next(); });
  std::sort(words.begin(), words.end());
  EXPECT_EQ(std::adjacent_find(words.begin(), words.end()), words.end());
  for (int i = 0; i < 100; ++i) {
    const std::uint64_t value = entropy.between(5, 7);
    EXPECT_TRUE(value >= 5 && value <= 7);
  }
}

}  // namespace
}  // namespace quorate::env_posix
