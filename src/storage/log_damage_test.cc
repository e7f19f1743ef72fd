#include "storage/log_damage.h"

#include <gtest/gtest.h>

#include "storage/liveness.h"

namespace quorate::storage {
namespace {

constexpr GroupId kGroup(1);

LogOp put(std::uint64_t position) {
  return {.kind = LogOp::Kind::put, .entry = {.id = {Position(position), Tag(1)}, .kind = 1, .payload = {}}};
}
LogOp op(LogOp::Kind kind, std::uint64_t position) {
  return {.kind = kind, .entry = {.id = {Position(position), Tag(1)}}, .generation = Generation(1)};
}

class LogDamageTest : public testing::Test {
 protected:
  void SetUp() override { liveness_.open_segment(1); }
  /// One frame.
  void apply(std::vector<LogOp> ops) {
    const std::vector<std::uint32_t> checksums(ops.size());
    index_.apply(kGroup, ops, liveness_.new_frame(), checksums);
  }
  [[nodiscard]] bool is_lost() { return damage_.judge(index_).front().log_lost; }

  Liveness liveness_;
  LogIndex index_{liveness_, 1 << 20};
  LogDamage damage_;
};

/// The log is cut below an entry that stood in the lost frame: base and entries are all written behind it.
TEST_F(LogDamageTest, AnEntryInALostFrameIsMissedAlthoughAllThatIsLeftIsNewer) {  // C-02
  apply({put(1)});
  damage_.on_lost(liveness_.last_serial() + 1);  // 2 stood here
  apply({put(3)});
  apply({op(LogOp::Kind::discard_below, 1)});
  EXPECT_TRUE(is_lost());
}

TEST_F(LogDamageTest, ALostFrameInFrontOfABeginningAnewTakesNothing) {
  apply({put(1)});
  damage_.on_lost(liveness_.last_serial() + 1);
  apply({op(LogOp::Kind::reset_to, 4)});
  apply({put(5)});
  EXPECT_FALSE(is_lost());
  apply({op(LogOp::Kind::discard_below, 5)});
  EXPECT_FALSE(is_lost());
}

}  // namespace
}  // namespace quorate::storage
