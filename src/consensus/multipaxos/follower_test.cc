#include "consensus/multipaxos/follower.h"

#include <gtest/gtest.h>

namespace quorate::multipaxos {
namespace {

constexpr Window kWindow{.messages = 2, .entries = 4};

Position at(std::uint64_t position) { return Position(position); }

TEST(multipaxos_follower, accepts_in_any_order) {
  Follower follower(NodeId(2), at(5));
  EXPECT_EQ(follower.next_to_send(at(5)), at(5));
  follower.on_sent(at(5), at(5));
  follower.on_sent(at(6), at(7));
  EXPECT_FALSE(follower.may_send(at(8), kWindow)) << "two messages are in flight";
  EXPECT_TRUE(follower.on_accepted(at(6), at(7)));
  EXPECT_TRUE(follower.has(at(6)));
  EXPECT_FALSE(follower.has(at(5)));
  EXPECT_EQ(follower.match(), at(0));
  EXPECT_TRUE(follower.may_send(at(8), kWindow));
  EXPECT_EQ(follower.room(kWindow), 3U);
  follower.on_decided(at(4));
  EXPECT_EQ(follower.match(), at(4));
  EXPECT_TRUE(follower.on_accepted(at(5), at(5)));
  EXPECT_EQ(follower.match(), at(7));
  EXPECT_FALSE(follower.on_accepted(at(5), at(6))) << "late";
}

TEST(multipaxos_follower, what_never_left_is_sent_again) {
  Follower follower(NodeId(2), at(1));
  follower.on_sent(at(1), at(3));
  follower.on_send_dropped(at(3), at(3));
  EXPECT_EQ(follower.next_to_send(at(1)), at(3));
  EXPECT_TRUE(follower.may_send(at(3), kWindow)) << "only shortened: the link works";
  follower.on_sent(at(3), at(3));
  follower.on_send_dropped(at(3), at(3));
  EXPECT_FALSE(follower.may_send(at(3), kWindow)) << "nothing of it left: waits for a sign of life";
  follower.resume();
  EXPECT_TRUE(follower.may_send(at(3), kWindow));
  EXPECT_TRUE(follower.on_accepted(at(1), at(2))) << "what was shortened is answered for what it was";
  EXPECT_FALSE(follower.has_in_flight());
}

TEST(multipaxos_follower, lost_answers_are_noticed_after_two_heartbeats) {
  Follower follower(NodeId(2), at(1));
  follower.on_sent(at(1), at(2));
  follower.on_heartbeat_tick();
  EXPECT_FALSE(follower.take_stalled());
  follower.on_heartbeat_tick();
  EXPECT_TRUE(follower.take_stalled());
  EXPECT_FALSE(follower.take_stalled());
  EXPECT_EQ(follower.next_to_send(at(1)), at(1));
}

TEST(multipaxos_follower, gets_nothing_far_ahead_of_what_it_knows) {
  Follower follower(NodeId(2), at(100'000));
  EXPECT_TRUE(follower.may_send(at(100'000), kWindow)) << "it has told nothing yet";
  follower.on_decided(at(10));
  EXPECT_FALSE(follower.may_send(at(100'000), kWindow));
  EXPECT_TRUE(follower.may_send(at(10 + Follower::kMaxAhead), kWindow));
}

TEST(multipaxos_follower, must_show_again_what_it_has_after_a_restart) {
  Follower follower(NodeId(2), at(1));
  follower.on_accepted(at(1), at(8));
  follower.on_decided(at(6));
  follower.noted = at(3);
  follower.on_restarted(at(7));
  EXPECT_EQ(follower.match(), at(3));
  EXPECT_EQ(follower.next_to_send(at(1)), at(8));
}

}  // namespace
}  // namespace quorate::multipaxos
