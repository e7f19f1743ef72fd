#include "state/kv/record_reader.h"

#include <gtest/gtest.h>

#include "state/kv/store_test_world.h"

namespace quorate::kv {
namespace {

using State = env::Lookup::State;

class RecordReaderTest : public testing::Test {
 protected:
  RecordReaderTest() {
    records_.pending_percent = 100;
    env::RecordBatch batch;
    for (std::int64_t main = 2; main < 2 + kRecords; ++main) {
      const RevisionKey key = keys_.revision({main, 0});
      batch.put(Buffer::copy_of({key.data(), key.size()}), Buffer::copy_of(std::to_string(main)));
    }
    EXPECT_TRUE(records_.write(std::move(batch)).has_value());
  }
  static constexpr std::int64_t kRecords = 10'000;

  void ready(std::uint64_t token) { readies_.push_back(token); }
  Callback<> to(std::uint64_t token) { return Callback<>::to<&RecordReaderTest::ready>(this, token); }

  test::FakeRecords records_;
  RecordKeys keys_{{GroupId(1), Generation(1)}};
  RecentRecords recent_{20'000, 1 << 20};
  RecordReader reader_{keys_, records_, recent_, 0};  // no cache: what arrives must be held for the next attempt
  std::vector<std::uint64_t> readies_;
};

TEST_F(RecordReaderTest, one_call_when_all_that_was_missed_is_here) {
  Buffer value;
  reader_.begin();
  EXPECT_EQ(reader_.read({5, 0}, value), State::pending);
  EXPECT_EQ(reader_.read({6, 0}, value), State::pending);
  EXPECT_FALSE(reader_.complete());
  EXPECT_EQ(reader_.finish(to(1)), state::Execution::pending);
  records_.arrive();
  EXPECT_EQ(readies_, std::vector<std::uint64_t>({1}));
  reader_.begin();
  EXPECT_EQ(reader_.read({5, 0}, value), State::value);
  EXPECT_EQ(value.view(), "5");
  EXPECT_EQ(reader_.read({6, 0}, value), State::value);
  EXPECT_EQ(reader_.finish(to(2)), state::Execution::done);
  // It was held for that attempt alone.
  reader_.begin();
  EXPECT_EQ(reader_.read({5, 0}, value), State::pending);
}

TEST_F(RecordReaderTest, attempts_do_not_take_each_others_calls) {
  Buffer value;
  reader_.begin();
  (void)reader_.read({5, 0}, value);
  (void)reader_.finish(to(1));
  reader_.begin();
  (void)reader_.read({7, 0}, value);
  (void)reader_.finish(to(2));
  records_.arrive();
  EXPECT_EQ(readies_, std::vector<std::uint64_t>({1, 2}));
}

TEST_F(RecordReaderTest, a_read_larger_than_all_bounds_gets_further_each_time) {
  int attempts = 0;
  for (bool done = false; !done; ++attempts) {
    ASSERT_LT(attempts, 10);
    reader_.begin();
    std::int64_t sum = 0;
    for (std::int64_t main = 2; main < 2 + kRecords; ++main) {
      Buffer value;
      if (reader_.read({main, 0}, value) == State::value) {
        sum += static_cast<std::int64_t>(value.size());
      }
    }
    done = reader_.finish(to(3)) == state::Execution::done;
    EXPECT_EQ(done, sum == 8 + 90 * 2 + 900 * 3 + (kRecords - 998) * 4 + (kRecords + 2 - 10'000));
    records_.arrive();
  }
  EXPECT_EQ(attempts, 4);  // 10,000 in steps of 4096, and the attempt that finds them all
}

TEST_F(RecordReaderTest, what_was_read_while_keeping_stays_for_the_attempt) {
  Buffer value;
  records_.pending_percent = 0;
  reader_.begin(true);
  EXPECT_EQ(reader_.read({9, 0}, value), State::value);
  records_.pending_percent = 100;
  EXPECT_EQ(reader_.read({9, 0}, value), State::value);
  EXPECT_EQ(reader_.finish({}), state::Execution::done);
}

TEST_F(RecordReaderTest, a_page_that_is_read_ahead_is_at_hand_without_a_look_up_each) {
  EXPECT_FALSE(reader_.is_at_hand({2, 0}));
  reader_.read_ahead({2, 0}, 1 + kRecords, 1 << 20, to(7));
  EXPECT_TRUE(readies_.empty()) << "never inside the call";
  records_.arrive();
  EXPECT_EQ(readies_, std::vector<std::uint64_t>{7});
  reader_.begin();
  for (std::int64_t main = 2; main < 2 + kRecords; ++main) {
    Buffer value;
    ASSERT_EQ(reader_.read({main, 0}, value), State::value) << main;
    EXPECT_EQ(value.view(), std::to_string(main));
  }
  EXPECT_EQ(reader_.finish({}), state::Execution::done);
  EXPECT_FALSE(reader_.is_at_hand({2, 0})) << "a page does not stay in memory for one of its records";
}

TEST(ValueCache, is_bounded_and_forgets_the_oldest) {
  ValueCache cache(64 * 100);
  const Buffer value = Buffer::copy_of(std::string(100, 'v'));
  Buffer found;
  for (std::int64_t i = 1; i <= 5000; ++i) {
    cache.insert({i, 0}, value);
    EXPECT_TRUE(cache.find({i, 0}, found));
    EXPECT_LE(cache.bytes(), 64U * 100U);
  }
  EXPECT_FALSE(cache.find({1, 0}, found));
  cache.insert({9000, 0}, Buffer::copy_of(std::string(101, 'v')));
  EXPECT_FALSE(cache.find({9000, 0}, found));  // too large to push the others out
  cache.clear();
  EXPECT_EQ(cache.bytes(), 0U);
}

TEST(RecentRecords, keeps_what_is_not_collected_and_a_bounded_rest) {
  RecentRecords recent(2, 250);
  const auto block = [](int i) { return Buffer::copy_of(std::string(100, static_cast<char>('a' + i))); };
  recent.append({2, 0}, block(0));
  recent.append({2, 1}, block(1));
  recent.append({3, 0}, block(2));
  recent.append({4, 0}, block(3));
  recent.trim();
  EXPECT_EQ(recent.bytes(), 400U);
  EXPECT_EQ(recent.find({2, 1})->view()[0], 'b');
  EXPECT_EQ(recent.find({2, 2}), nullptr);
  EXPECT_EQ(recent.find({5, 0}), nullptr);
  int collected = 0;
  recent.visit_uncollected(3, [&collected](const Buffer&) { ++collected; });
  EXPECT_EQ(collected, 3);
  recent.mark_collected(3);
  EXPECT_NE(recent.find({2, 0}), nullptr);  // the engine may not have been written yet
  recent.trim();
  EXPECT_EQ(recent.find({2, 0}), nullptr);
  EXPECT_NE(recent.find({3, 0}), nullptr);
  EXPECT_EQ(recent.oldest(), 3);
  EXPECT_EQ(recent.bytes(), 200U);
}

}  // namespace
}  // namespace quorate::kv
