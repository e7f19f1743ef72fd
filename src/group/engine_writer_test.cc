#include "group/engine_writer.h"

#include <gtest/gtest.h>

#include "group/fakes_for_test.h"

namespace quorate::group {
namespace {

using namespace std::chrono_literals;

/// A replica that says what a test wants.
class FakeClient final : public EngineClient {
 public:
  explicit FakeClient(Events& events) : events_(events) {}
  [[nodiscard]] Position executed() const override { return executed_; }
  [[nodiscard]] Position writable() const override { return std::min(executed_, log_durable); }
  void collect(Position limit, env::RecordBatch& batch) override {
    events_.push_back("collect " + text(limit));
    batch.put(Buffer::copy_of("applied"), Buffer::copy_of(text(limit)));
  }
  [[nodiscard]] bool discard(Position durable) override {
    const Position target = std::min(durable, everywhere);
    if (target > discarded) {
      discarded = target;
      events_.push_back("discard " + text(target));
    }
    return discarded >= executed_;
  }

  void on_written() override { told_written = account.written; }

  void execute(std::uint64_t position) { executed_ = Position(position); }

  Position log_durable;
  Position everywhere{1000};
  Position discarded;
  Position told_written;

 private:
  Events& events_;
  Position executed_;
};

class EngineWriterTest : public testing::Test {
 protected:
  void on_failed(std::uint64_t, const Error& why) { failed_ = why.text; }
  [[nodiscard]] Events happened() { return std::exchange(events_, {}); }

  Events events_;
  storage::TestLoop loop_;
  FakeTraces traces_;
  FakeLog log_{events_};
  FakeRecords records_{events_};
  std::string failed_;
  EngineWriter writer_{{.write_interval = 5ms, .flush_interval = 1s, .flush_after_log_bytes = 1000},
                       loop_,
                       loop_,
                       records_,
                       log_,
                       traces_,
                       Callback<const Error&>::to<&EngineWriterTest::on_failed>(this)};
  FakeClient a_{events_};
  FakeClient b_{events_};
};

TEST_F(EngineWriterTest, GroupsShareOneBatchAndItComesAfterTheInterval) {
  a_.execute(3);
  a_.log_durable = Position(3);
  b_.execute(7);
  b_.log_durable = Position(5);
  writer_.on_executed(a_);
  writer_.on_executed(b_);
  loop_.pass(4ms);
  EXPECT_TRUE(happened().empty());
  loop_.pass(1ms);
  EXPECT_EQ(happened(), (Events{"collect 3", "collect 5", "write 2"}));
  loop_.pass(20ms);
  EXPECT_TRUE(happened().empty()) << "the log has no more";
  b_.log_durable = Position(9);
  loop_.pass(5ms);
  EXPECT_EQ(happened(), (Events{"collect 7", "write 1"}));
}

TEST_F(EngineWriterTest, AClientHearsWhatTheEngineWasGivenAndNothingOfAFailedWrite) {
  a_.execute(3);
  a_.log_durable = Position(2);
  writer_.on_executed(a_);
  loop_.pass(5ms);
  EXPECT_EQ(a_.told_written, Position(2));
  a_.log_durable = Position(3);
  records_.fails = true;
  loop_.pass(5ms);
  EXPECT_EQ(a_.told_written, Position(2));
  EXPECT_EQ(failed_, "the engine broke");
}

TEST_F(EngineWriterTest, TheLogIsDiscardedOnlyAfterTheFlushIsDone) {
  a_.execute(3);
  a_.log_durable = Position(3);
  writer_.on_executed(a_);
  loop_.pass(1005ms);
  EXPECT_EQ(happened(), (Events{"collect 3", "write 1", "flush"}));
  a_.execute(5);  // while the flush runs
  a_.log_durable = Position(5);
  writer_.on_executed(a_);
  loop_.pass(5ms);
  EXPECT_EQ(happened(), (Events{"collect 5", "write 1"}));
  records_.finish_flush();
  EXPECT_EQ(happened(), (Events{"discard 3"})) << "the flush began before position 5 was written";
  loop_.pass(1s);
  EXPECT_EQ(happened(), (Events{"flush"}));
  records_.finish_flush();
  EXPECT_EQ(happened(), (Events{"discard 5"}));
}

TEST_F(EngineWriterTest, AnIdleGroupIsFlushedDiscardedAndThenLeftAlone) {
  a_.execute(3);
  a_.log_durable = Position(3);
  writer_.on_executed(a_);
  loop_.pass(2s);
  records_.finish_flush();
  EXPECT_EQ(happened(), (Events{"collect 3", "write 1", "flush", "discard 3"}));
  EXPECT_FALSE(loop_.fire_next(loop_.now() + 1h)) << "no timer is armed for an idle group";
}

TEST_F(EngineWriterTest, AMemberThatIsBehindHoldsTheLogButCostsNoFlush) {
  a_.execute(3);
  a_.log_durable = Position(3);
  a_.everywhere = Position(1);
  writer_.on_executed(a_);
  loop_.pass(1005ms);
  records_.finish_flush();
  EXPECT_EQ(happened(), (Events{"collect 3", "write 1", "flush", "discard 1"}));
  loop_.pass(10s);
  EXPECT_TRUE(happened().empty());
  a_.everywhere = Position(3);
  loop_.pass(1s);
  EXPECT_EQ(happened(), (Events{"discard 3"}));
  EXPECT_FALSE(loop_.fire_next(loop_.now() + 1h));
}

TEST_F(EngineWriterTest, AGrowingLogIsFlushedEarly) {
  a_.execute(3);
  a_.log_durable = Position(3);
  log_.statistics.bytes_written = 1000;
  writer_.on_executed(a_);
  loop_.pass(5ms);
  EXPECT_EQ(happened(), (Events{"collect 3", "write 1", "flush"}));
}

TEST_F(EngineWriterTest, WhatWasRecoveredIsFlushedBeforeTheLogIsDiscarded) {
  a_.execute(4);
  writer_.add(a_, Position(4));
  EXPECT_EQ(a_.account.written, Position(4));
  loop_.pass(1s);
  EXPECT_EQ(happened(), (Events{"flush"}));
  records_.finish_flush();
  EXPECT_EQ(happened(), (Events{"discard 4"}));
}

TEST_F(EngineWriterTest, AFailedWriteOrFlushEndsTheWork) {
  a_.execute(3);
  a_.log_durable = Position(3);
  writer_.on_executed(a_);
  loop_.pass(1005ms);
  records_.finish_flush(fail(ErrorCode::io, "EIO"));
  EXPECT_EQ(failed_, "EIO");
  (void)happened();
  a_.execute(4);
  a_.log_durable = Position(4);
  writer_.on_executed(a_);
  EXPECT_FALSE(loop_.fire_next(loop_.now() + 1h));
  EXPECT_TRUE(happened().empty());
}

}  // namespace
}  // namespace quorate::group
