#include "consensus/raft/progress.h"

#include <gtest/gtest.h>

namespace quorate::raft {
namespace {

constexpr Window kWindow{.messages = 2, .entries = 5};

/// A follower that has answered its first probe: everything up to 3.
Progress replicating() {
  Progress progress(NodeId(2), Position(4));
  progress.on_sent(Position(4));
  progress.on_accepted(Position(3));
  return progress;
}

TEST(progress, probes_one_append_at_a_time) {
  Progress progress(NodeId(2), Position(4));
  EXPECT_EQ(progress.mode(), Progress::Mode::probe);
  EXPECT_TRUE(progress.may_send(kWindow));
  progress.on_sent(Position(6));
  EXPECT_FALSE(progress.may_send(kWindow));
  EXPECT_EQ(progress.next(), Position(4));
  progress.resume();
  EXPECT_TRUE(progress.may_send(kWindow));
}

TEST(progress, an_answer_opens_the_window) {
  Progress progress(NodeId(2), Position(4));
  progress.on_sent(Position(6));
  EXPECT_TRUE(progress.on_accepted(Position(6)));
  EXPECT_EQ(progress.mode(), Progress::Mode::replicate);
  EXPECT_EQ(progress.match(), Position(6));
  EXPECT_EQ(progress.next(), Position(7));
}

TEST(progress, the_window_counts_messages_and_entries) {
  Progress progress = replicating();
  EXPECT_EQ(progress.room(kWindow), 5U);
  progress.on_sent(Position(5));
  EXPECT_EQ(progress.room(kWindow), 3U);
  EXPECT_TRUE(progress.may_send(kWindow));
  progress.on_sent(Position(6));
  EXPECT_FALSE(progress.may_send(kWindow)) << "two messages";
  progress.on_accepted(Position(5));
  EXPECT_TRUE(progress.may_send(kWindow));
  progress.on_sent(Position(10));
  EXPECT_FALSE(progress.may_send(kWindow)) << "five entries";
  progress.on_accepted(Position(10));
  EXPECT_FALSE(progress.has_in_flight());
}

TEST(progress, match_never_falls) {
  Progress progress = replicating();
  progress.on_sent(Position(5));
  EXPECT_TRUE(progress.on_accepted(Position(5)));
  EXPECT_FALSE(progress.on_accepted(Position(4)));
  EXPECT_EQ(progress.match(), Position(5));
}

TEST(progress, knows_late_rejections) {
  Progress progress = replicating();
  progress.on_sent(Position(5));
  EXPECT_FALSE(progress.is_news(Position(3))) << "known to be there";
  EXPECT_TRUE(progress.is_news(Position(4)));
  EXPECT_FALSE(progress.is_news(Position(6))) << "not sent since";
  progress.probe_from(Position(4));
  EXPECT_FALSE(progress.is_news(Position(4))) << "of an earlier probe";
  EXPECT_FALSE(progress.is_news(Position(3)));
  progress.on_restarted();
  EXPECT_EQ(progress.match(), Position());
  EXPECT_EQ(progress.next(), Position(4));
  EXPECT_TRUE(progress.is_news(Position(3)));
}

TEST(progress, goes_on_at_once_behind_a_shortened_append) {
  Progress progress = replicating();
  progress.on_sent(Position(8));
  progress.on_send_dropped(Position(6));
  EXPECT_EQ(progress.next(), Position(6));
  EXPECT_TRUE(progress.may_send(kWindow));
  progress.on_accepted(Position(5));
  EXPECT_FALSE(progress.has_in_flight());
}

TEST(progress, waits_when_a_whole_append_was_not_sent) {
  Progress progress = replicating();
  progress.on_sent(Position(5));
  progress.on_sent(Position(8));
  progress.on_send_dropped(Position(6));
  EXPECT_EQ(progress.next(), Position(6));
  EXPECT_FALSE(progress.may_send(kWindow));
  EXPECT_TRUE(progress.has_in_flight());
  progress.on_accepted(Position(5));
  EXPECT_TRUE(progress.may_send(kWindow));
}

TEST(progress, ignores_drops_of_what_is_settled) {
  Progress progress = replicating();
  progress.on_send_dropped(Position(3));
  progress.on_send_dropped(Position(4));
  EXPECT_EQ(progress.next(), Position(4));
  EXPECT_TRUE(progress.may_send(kWindow));
}

TEST(progress, notices_silence_after_two_heartbeats) {
  Progress progress = replicating();
  progress.on_sent(Position(5));
  progress.on_heartbeat_tick();
  EXPECT_FALSE(progress.take_stalled());
  progress.on_heartbeat_tick();
  EXPECT_TRUE(progress.take_stalled());
  EXPECT_FALSE(progress.take_stalled());
  progress.on_accepted(Position(4));
  progress.on_heartbeat_tick();
  EXPECT_FALSE(progress.take_stalled()) << "it moved";
}

}  // namespace
}  // namespace quorate::raft
