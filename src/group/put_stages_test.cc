// The stages of a put: each is counted when it ends, one batch and one write at a time.

#include "group/put_stages.h"

#include <gtest/gtest.h>

namespace quorate::group {
namespace {

using Stage = PutStages::Stage;
using std::chrono::microseconds;

class PutStagesTest : public ::testing::Test, public env::Clock {
 public:
  [[nodiscard]] Instant now() const override { return now_; }
  [[nodiscard]] WallTime wall() const override { return {}; }

  void pass(int us) { now_ += microseconds(us); }
  void expect(Stage stage, std::uint64_t count, int us) const {
    const PutStages::Sum& sum = stages_.sums()[static_cast<std::size_t>(stage)];
    EXPECT_EQ(sum.count, count);
    EXPECT_EQ(sum.total, microseconds(us));
  }

 protected:
  Instant now_{};
  PutStages stages_{*this};
};

TEST_F(PutStagesTest, EachStageTakesFromTheEndOfTheOneBefore) {
  stages_.on_proposed();
  pass(3);
  stages_.on_proposed();  // of the same batch
  pass(2);
  stages_.on_placed(Position(7));
  stages_.on_placed(Position(8));
  stages_.on_write(Io(1));
  stages_.on_turn_end();
  pass(100);
  stages_.on_durable(Io(1));
  pass(50);
  stages_.on_commit(Position(6));  // of an earlier one
  pass(10);
  stages_.on_commit(Position(8));
  pass(4);
  stages_.on_executed(Position(8));
  expect(Stage::receive, 1, 5);
  expect(Stage::sync, 1, 100);
  expect(Stage::replication, 1, 160);
  expect(Stage::execution, 1, 4);
}

TEST_F(PutStagesTest, WhatIsRefusedOrLosesItsLeaderIsNotCounted) {
  stages_.on_proposed();
  pass(1000);
  stages_.on_turn_end();  // refused
  stages_.on_proposed();
  pass(1);
  stages_.on_placed(Position(3));
  stages_.on_leadership_lost();
  stages_.on_commit(Position(3));
  stages_.on_executed(Position(3));
  expect(Stage::receive, 1, 1);
  expect(Stage::replication, 0, 0);
  expect(Stage::execution, 0, 0);
}

TEST_F(PutStagesTest, OneWriteIsWatchedAtATime) {
  stages_.on_write(Io(1));
  pass(5);
  stages_.on_write(Io(2));
  pass(5);
  stages_.on_durable(Io(2));  // confirms the first as well
  stages_.on_durable(Io(3));
  expect(Stage::sync, 1, 10);
}

}  // namespace
}  // namespace quorate::group
