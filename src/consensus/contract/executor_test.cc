#include "consensus/contract/executor.h"

#include <string>

#include <gtest/gtest.h>

namespace quorate::consensus {
namespace {

Send send(std::uint64_t to, std::string_view text, std::uint64_t after = 0) {
  return {.to = NodeId(to), .message = Buffer::copy_of(text), .attach = std::nullopt, .after = Io(after)};
}

Persist persist(std::uint64_t io) { return {.io = Io(io), .ops = {SetState{Buffer::copy_of("s")}}}; }

/// What was released, as one line.
std::string line(std::vector<Effect>& ready) {
  std::string text;
  for (const Effect& effect : ready) {
    if (const auto* write = std::get_if<Persist>(&effect)) {
      text += " write" + std::to_string(write->io.value());
    } else if (const auto* message = std::get_if<Send>(&effect)) {
      text += " " + std::string(message->message.view()) + "->" + std::to_string(message->to.value());
    } else if (const auto* commit = std::get_if<Commit>(&effect)) {
      text += " commit" + std::to_string(commit->up_to.value());
    }
  }
  ready.clear();
  return text;
}

class ExecutorTest : public ::testing::Test {
 protected:
  template <class... Effects>
  std::string admit(Effects... effects) {
    std::vector<Effect> list;
    (list.emplace_back(std::move(effects)), ...);
    executor_.admit(list, ready_);
    EXPECT_TRUE(list.empty());
    return line(ready_);
  }
  std::string confirm(std::uint64_t io) {
    executor_.confirm(Io(io), ready_);
    return line(ready_);
  }

  Executor executor_;
  std::vector<Effect> ready_;
};

TEST_F(ExecutorTest, what_waits_for_nothing_is_released_in_order) {
  EXPECT_EQ(admit(send(2, "a"), persist(1), Commit{Position(4)}, send(3, "b")), " a->2 write1 commit4 b->3");
}

TEST_F(ExecutorTest, a_send_is_held_until_its_write_is_durable) {
  EXPECT_EQ(admit(persist(1), send(2, "vote", 1), Commit{Position(1)}), " write1 commit1");
  EXPECT_EQ(executor_.held(), 1U);
  EXPECT_EQ(confirm(1), " vote->2");
  EXPECT_EQ(executor_.held(), 0U);
}

TEST_F(ExecutorTest, one_confirmation_covers_all_earlier_writes) {
  EXPECT_EQ(admit(persist(1), send(2, "a", 1), persist(2), send(3, "b", 2), persist(3), send(2, "c", 3)),
            " write1 write2 write3");
  EXPECT_EQ(confirm(2), " a->2 b->3");
  EXPECT_EQ(confirm(1), "");
  EXPECT_EQ(confirm(3), " c->2");
  EXPECT_EQ(executor_.durable(), Io(3));
}

TEST_F(ExecutorTest, sends_that_wait_keep_their_order_and_others_may_overtake) {
  EXPECT_EQ(admit(persist(1), persist(2), send(2, "late", 2), send(2, "early", 1), send(2, "now")),
            " write1 write2 now->2");
  EXPECT_EQ(confirm(1), " early->2");
  EXPECT_EQ(confirm(2), " late->2");
  EXPECT_EQ(admit(persist(3), send(2, "x", 3), send(2, "y", 3)), " write3");
  EXPECT_EQ(confirm(3), " x->2 y->2");
}

TEST_F(ExecutorTest, a_send_after_a_write_that_is_already_durable_goes_at_once) {
  admit(persist(1));
  confirm(1);
  EXPECT_EQ(admit(send(2, "a", 1)), " a->2");
}

TEST_F(ExecutorTest, broken_promises_of_a_core_stop_the_process) {
  EXPECT_DEATH(admit(persist(2)), "rise by one");
  EXPECT_DEATH(admit(send(2, "a", 1)), "already handed out");
  EXPECT_DEATH(confirm(1), "become durable");
}

}  // namespace
}  // namespace quorate::consensus
