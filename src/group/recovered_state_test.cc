#include "group/recovered_state.h"

#include <gtest/gtest.h>

#include "consensus/contract/membership_codec.h"

namespace quorate::group {
namespace {

storage::RecoveredGroup log_from(std::uint64_t discarded, std::uint64_t last) {
  storage::RecoveredGroup group;
  group.group = GroupId(7);
  group.discarded = {Position(discarded), Tag(1)};
  consensus::Membership membership;
  membership.voters = {NodeId(1), NodeId(4)};
  membership.learners = {NodeId(9)};
  group.discarded_blob = consensus::encode_membership(membership);
  for (std::uint64_t i = discarded + 1; i <= last; ++i) {
    group.entries.push_back({{Position(i), Tag(2)}, 1, Buffer::copy_of("x")});
  }
  return group;
}

TEST(RecoveredState, LogAndRecordsThatMeetAreAdopted) {
  const storage::RecoveredGroup group = log_from(10, 15);
  for (const std::uint64_t applied : {10U, 12U, 15U}) {
    const auto state = make_persisted_state(GroupId(7), &group, Position(applied), false);
    ASSERT_TRUE(state.has_value()) << applied;
    EXPECT_EQ(state->applied, Position(applied));
    EXPECT_EQ(state->discarded.position, Position(10));
    EXPECT_EQ(state->log.size(), 5U);
    EXPECT_TRUE(state->log[0].payload.empty()) << "a core keeps no commands";
    EXPECT_EQ(state->membership.voters, (std::vector<NodeId>{NodeId(1), NodeId(4)}));
    EXPECT_EQ(state->membership.learners, (std::vector<NodeId>{NodeId(9)}));
  }
}

// N-02.
TEST(RecoveredState, AGapBetweenRecordsAndLogIsRefused) {
  const storage::RecoveredGroup group = log_from(10, 15);
  const auto state = make_persisted_state(GroupId(7), &group, Position(9), false);
  ASSERT_FALSE(state.has_value());
  EXPECT_EQ(state.error().code, ErrorCode::corrupt);
  EXPECT_NE(state.error().text.find("group 7: the log begins behind position 10"), std::string::npos);
}

TEST(RecoveredState, RecordsAheadOfTheLogAreRefused) {
  const storage::RecoveredGroup group = log_from(10, 15);
  EXPECT_FALSE(make_persisted_state(GroupId(7), &group, Position(16), false).has_value());
  EXPECT_FALSE(make_persisted_state(GroupId(7), nullptr, Position(1), false).has_value());
  EXPECT_TRUE(make_persisted_state(GroupId(7), nullptr, Position(), false).has_value());
}

TEST(RecoveredState, ConfigurationsKeepTheirPayloadAndDamageIsRefused) {
  storage::RecoveredGroup group = log_from(0, 3);
  group.entries[1].kind = 2;
  const auto state = make_persisted_state(GroupId(7), &group, Position(), true);
  ASSERT_TRUE(state.has_value());
  EXPECT_TRUE(state->uncertain_tail);
  EXPECT_EQ(state->log[1].payload.view(), "x");
  group.entries[1].kind = 3;
  EXPECT_FALSE(make_persisted_state(GroupId(7), &group, Position(), false).has_value());
  group = log_from(0, 3);
  group.entries[2].id.position = Position(2);
  EXPECT_FALSE(make_persisted_state(GroupId(7), &group, Position(), false).has_value());
  group = log_from(0, 3);
  group.discarded_blob = Buffer::copy_of("\x02\x05\x04");
  EXPECT_FALSE(make_persisted_state(GroupId(7), &group, Position(), false).has_value());
}

}  // namespace
}  // namespace quorate::group
