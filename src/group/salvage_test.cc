#include "group/salvage.h"

#include <gtest/gtest.h>

#include "consensus/contract/membership_codec.h"

namespace quorate::group {
namespace {

using consensus::Loss;
using storage::LogOp;
using storage::RecoveredGroup;

EntryId id(std::uint64_t position) { return {Position(position), Tag(2)}; }

consensus::Membership members_at_13() {
  return {.voters = {NodeId(1), NodeId(4)}, .outgoing_voters = {}, .learners = {}};
}

/// A log with the entries 11 to 16; 13 is a configuration.
RecoveredGroup some_log() {
  RecoveredGroup group{.group = GroupId(7), .state = Buffer::copy_of("term 2"), .discarded = {Position(10), Tag(1)}};
  group.discarded_blob = Buffer::copy_of("members at 10");
  for (std::uint64_t i = 11; i <= 16; ++i) {
    const auto kind = i == 13 ? consensus::EntryKind::configuration : consensus::EntryKind::command;
    const Buffer payload = i == 13 ? consensus::encode_configuration({.membership = members_at_13(), .contacts = {}})
                                   : Buffer::copy_of("entry " + std::to_string(i));
    group.entries.push_back({id(i), static_cast<std::uint8_t>(kind), payload});
  }
  return group;
}

std::vector<LogOp::Kind> kinds(const Salvage& salvage) {
  std::vector<LogOp::Kind> kinds;
  for (const LogOp& op : salvage.ops) {
    kinds.push_back(op.kind);
  }
  return kinds;
}

/// What the next life is told, after the frame was written.
Loss told_again(const Salvage& written) {
  RecoveredGroup group = some_log();
  group.cells.emplace_back(Buffer(), written.ops.back().blob);
  const Salvage again = salvage(group, Position(10), false);
  EXPECT_TRUE(group.cells.empty()) << "a core knows nothing of it";
  EXPECT_TRUE(again.ops.empty());
  return again.loss;
}

TEST(Salvage, AWholeLogIsLeftAlone) {
  RecoveredGroup group = some_log();
  const Salvage rest = salvage(group, Position(12), false);
  EXPECT_EQ(rest.loss, Loss());
  EXPECT_TRUE(rest.ops.empty());
  EXPECT_EQ(group.entries.size(), 6U);
}

TEST(Salvage, WhatTheRecordsContainIsNotMissed) {
  RecoveredGroup group = some_log();
  group.unreadable = {Position(12)};
  const Salvage rest = salvage(group, Position(14), false);
  EXPECT_EQ(rest.loss, Loss()) << "nothing is lost";
  EXPECT_EQ(kinds(rest), (std::vector{LogOp::Kind::discard_below, LogOp::Kind::set_cell}));
  EXPECT_EQ(group.discarded, id(14));
  EXPECT_EQ(consensus::decode_membership(group.discarded_blob.view()), members_at_13()) << "the membership there";
  EXPECT_EQ(group.entries.front().id, id(15));
}

TEST(Salvage, APayloadBehindTheRecordsEndsTheLog) {
  RecoveredGroup group = some_log();
  group.unreadable = {Position(15)};
  const Salvage rest = salvage(group, Position(12), false);
  EXPECT_EQ(rest.loss, (Loss{Loss::Kind::tail, id(16)}));
  EXPECT_EQ(kinds(rest), (std::vector{LogOp::Kind::truncate_from, LogOp::Kind::set_cell}));
  EXPECT_EQ(rest.ops[0].entry.id.position, Position(15));
  EXPECT_EQ(group.entries.back().id, id(14));
  EXPECT_EQ(told_again(rest), rest.loss);
}

TEST(Salvage, WithoutRecordsNothingIsLeftOfALogThatBeginsBehindThem) {
  RecoveredGroup group = some_log();
  Salvage rest = salvage(group, Position(), true);
  EXPECT_TRUE(rest.blank);
  EXPECT_EQ(rest.loss, (Loss{Loss::Kind::tail, id(16)})) << "it votes for nobody whose log is shorter";
  begin_blank(group, rest, Generation(5));
  EXPECT_EQ(rest.ops[1].blob.view(), "term 2") << "term and vote are whole";
  group = some_log();
  group.discarded = {};
  EXPECT_EQ(salvage(group, Position(), true).loss, Loss()) << "the log has everything: it is executed again";
}

TEST(Salvage, AMembershipThatDoesNotReadCannotBeGuessed) {
  RecoveredGroup group = some_log();
  group.unreadable = {Position(13)};
  Salvage rest = salvage(group, Position(14), false);
  EXPECT_TRUE(rest.blank);
  EXPECT_EQ(rest.loss, (Loss{Loss::Kind::tail, id(16)}));
  begin_blank(group, rest, Generation(5));
  EXPECT_EQ(kinds(rest), (std::vector{LogOp::Kind::reset_to, LogOp::Kind::set_state, LogOp::Kind::set_cell}));
  EXPECT_EQ(rest.ops[0].generation, Generation(5));
  EXPECT_EQ(rest.ops[1].blob.view(), "term 2") << "term and vote are whole";
  EXPECT_TRUE(group.entries.empty());
  EXPECT_TRUE(group.discarded.position.is_none());
  EXPECT_EQ(told_again(rest), rest.loss);
}

TEST(Salvage, LostFramesTakeEverythingThatWasPromised) {
  RecoveredGroup group = some_log();
  group.entries.clear();
  group.log_lost = true;
  group.state_lost = true;
  group.lost_end = id(16);
  const Salvage rest = salvage(group, Position(12), false);
  EXPECT_TRUE(rest.blank);
  EXPECT_EQ(rest.loss, (Loss{Loss::Kind::promises, id(16)}));
}

/// A damaged end looks like one that was never written; but what is in the records was confirmed.
TEST(Salvage, RecordsAheadOfTheLogTellThatItsEndIsLost) {
  RecoveredGroup group = some_log();
  const Salvage rest = salvage(group, Position(18), false);
  EXPECT_TRUE(rest.blank);
  EXPECT_EQ(rest.loss, (Loss{Loss::Kind::promises, {Position(18), id(16).tag}}));
}

TEST(Salvage, AStateThatMayHaveBeenReplacedIsNoPromise) {
  RecoveredGroup group = some_log();
  group.state_lost = true;
  const Salvage rest = salvage(group, Position(12), false);
  EXPECT_FALSE(rest.blank);
  EXPECT_EQ(rest.loss, (Loss{Loss::Kind::promises, id(16)}));
  EXPECT_EQ(kinds(rest), (std::vector{LogOp::Kind::set_state, LogOp::Kind::set_cell}));
  EXPECT_EQ(group.entries.size(), 6U);
}

TEST(Salvage, ANoteThatDoesNotReadStandsForTheWorst) {
  RecoveredGroup group = some_log();
  group.cells.emplace_back(Buffer(), Buffer::copy_of("?"));
  EXPECT_EQ(salvage(group, Position(12), false).loss.kind, Loss::Kind::promises);
  RecoveredGroup repaired = some_log();
  repaired.cells.emplace_back(Buffer(), loss_made_good().front().blob);
  EXPECT_EQ(salvage(repaired, Position(12), false).loss, Loss());
}

TEST(Salvage, ALossIsNotMadeSmallerByAnother) {
  RecoveredGroup first = some_log();
  first.state_lost = true;
  const Salvage forgot = salvage(first, Position(12), false);
  RecoveredGroup second = some_log();
  second.cells.emplace_back(Buffer(), forgot.ops.back().blob);
  second.unreadable = {Position(16)};
  EXPECT_EQ(salvage(second, Position(12), false).loss.kind, Loss::Kind::promises);
}

}  // namespace
}  // namespace quorate::group
