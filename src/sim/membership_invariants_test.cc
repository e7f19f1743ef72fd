// Each invariant of the membership rejects a hand-made observation that breaks it, and accepts the legal one beside it.

#include <gtest/gtest.h>

#include "consensus/contract/membership_codec.h"
#include "sim/invariants/membership_of_log.h"
#include "sim/invariants/one_change_at_a_time.h"
#include "sim/invariants/only_voters_elect.h"
#include "sim/invariants/rollback_restores_membership.h"

namespace quorate::sim {
namespace {

using consensus::CoreStatus;
using consensus::Effect;
using consensus::EntryKind;
using consensus::Membership;
using consensus::Persist;
using consensus::PersistOp;
using consensus::Put;
using consensus::Role;

constexpr GroupId kGroup(1);

Membership of(std::vector<std::uint64_t> voters, std::vector<std::uint64_t> outgoing = {}) {
  Membership membership;
  for (const std::uint64_t node : voters) {
    membership.voters.emplace_back(node);
  }
  for (const std::uint64_t node : outgoing) {
    membership.outgoing_voters.emplace_back(node);
  }
  return membership;
}

/// A core that is asked for nothing but its status.
class StubCore final : public consensus::Core {
 public:
  void step(Instant, const consensus::Input&) override {}
  void take_effects(std::vector<Effect>&) override {}
  [[nodiscard]] CoreStatus status() const override { return says; }
  [[nodiscard]] std::unique_ptr<Core> clone() const override { return nullptr; }
  void hash_into(Hasher&) const override {}

  CoreStatus says;
};

class MembershipInvariants : public ::testing::Test {
 protected:
  static ReplicaName replica(std::uint32_t node) { return {node, kGroup}; }
  static PersistOp change(std::uint64_t position, std::uint64_t tag, const Membership& membership) {
    return Put{{.id = {Position(position), Tag(tag)},
                .kind = EntryKind::configuration,
                .payload = consensus::encode_configuration({membership, {}})}};
  }
  static PersistOp noop(std::uint64_t position, std::uint64_t tag) {
    return Put{{.id = {Position(position), Tag(tag)}, .kind = EntryKind::noop, .payload = {}}};
  }
  void SetUp() override {
    ledger_.start(replica(1), {});
    memberships_.start(replica(1), {});
    core_.says = {.role = Role::leader, .tag = Tag(2), .leader = NodeId(1), .membership = of({1, 2, 3})};
  }
  void write(std::vector<PersistOp> ops) {
    const Persist what{Io(1), std::move(ops)};
    ledger_.write(replica(1), what);
    memberships_.write(replica(1), what);
  }
  /// What the invariant says of a write that does not happen.
  std::string judge(Invariant& invariant, std::vector<PersistOp> ops) {
    return invariant.on_effect(replica(1), Persist{Io(2), std::move(ops)}, core_);
  }

  Ledger ledger_;
  MembershipLedger memberships_{of({1, 2, 3})};
  StubCore core_;
};

TEST_F(MembershipInvariants, I20OneChangeAtATimeAndNeverTwoMajorities) {
  OneChangeAtATime invariant(ledger_, memberships_);
  write({noop(1, 1), noop(2, 2)});
  core_.says.commit = Position(1);
  EXPECT_NE(judge(invariant, {change(3, 2, of({1, 2, 3, 4}))}), "") << "nothing of term 2 is committed";
  core_.says.commit = Position(2);
  EXPECT_EQ(judge(invariant, {change(3, 2, of({1, 2, 3, 4}))}), "");
  EXPECT_EQ(judge(invariant, {change(3, 2, of({4, 5, 6}, {1, 2, 3}))}), "") << "both halves agree";
  EXPECT_NE(judge(invariant, {change(3, 2, of({1, 4, 5}))}), "") << "2 and 3, and 4 and 5";
  write({change(3, 2, of({1, 2, 3, 4}))});
  EXPECT_NE(judge(invariant, {change(4, 2, of({1, 2, 3}))}), "") << "the one before is not committed";
  core_.says.commit = Position(3);
  EXPECT_EQ(judge(invariant, {change(4, 2, of({1, 2, 3}))}), "");
}

TEST_F(MembershipInvariants, I21WhatIsUsedStandsInTheLog) {
  MembershipOfLog latest(memberships_, true);
  MembershipOfLog committed(memberships_, false);
  const auto says = [&](Invariant& invariant) { return invariant.on_status(1, kGroup, core_.says, Position()); };
  EXPECT_EQ(says(latest), "");
  EXPECT_EQ(says(committed), "");
  write({noop(1, 2), change(2, 2, of({1, 2}))});
  EXPECT_NE(says(latest), "");
  EXPECT_EQ(says(committed), "");
  core_.says.membership = of({1, 2});
  EXPECT_EQ(says(latest), "");
  EXPECT_NE(says(committed), "") << "nobody has decided it";
  core_.says.commit = Position(2);
  EXPECT_EQ(says(committed), "");
  write({consensus::DiscardBelow{{Position(2), Tag(2)}, of({1, 2})}});
  EXPECT_EQ(says(latest), "") << "the log begins with it";
  write({consensus::ResetTo{{Position(9), Tag(3)}, of({2, 3}), Generation(2)}});
  EXPECT_NE(says(latest), "") << "a snapshot has brought another";
}

TEST_F(MembershipInvariants, I22LearnersDoNotElect) {
  consensus::CoreFactory protocol;
  protocol.vote_of = [](ByteView message) {
    return std::optional(consensus::Vote{
        .kind = message == "asked" ? consensus::Vote::Kind::asked : consensus::Vote::Kind::given, .tag = Tag(2)});
  };
  OnlyVotersElect invariant(protocol, {});
  const auto vote = [&](std::uint32_t node) {
    (void)invariant.on_effect(replica(node), consensus::Send{.to = NodeId(1), .message = Buffer::copy_of("given")},
                              core_);
  };
  const auto leads = [&] {
    return invariant.on_effect(replica(1), consensus::RoleChanged{.to = Role::leader, .tag = Tag(2)}, core_);
  };
  core_.says.membership.learners = {NodeId(4)};
  EXPECT_NE(leads(), "") << "its own vote alone";
  vote(4);
  EXPECT_NE(leads(), "") << "a learner's vote";
  vote(3);
  EXPECT_EQ(leads(), "");
  core_.says.membership.outgoing_voters = {NodeId(1), NodeId(5), NodeId(6)};
  EXPECT_NE(leads(), "") << "one half of a joint membership";
  vote(6);
  EXPECT_EQ(leads(), "");
}

TEST_F(MembershipInvariants, I23ACutRestoresWhatStoodBefore) {
  RollbackRestoresMembership invariant(memberships_);
  write({noop(1, 1), change(2, 1, of({1, 2}))});
  core_.says.membership = of({1, 2});
  EXPECT_NE(judge(invariant, {consensus::TruncateFrom{Position(2)}}), "");
  EXPECT_EQ(judge(invariant, {consensus::TruncateFrom{Position(3)}}), "");
  core_.says.membership = of({1, 2, 3});
  EXPECT_EQ(judge(invariant, {consensus::TruncateFrom{Position(2)}, noop(2, 2)}), "");
  EXPECT_NE(judge(invariant, {consensus::TruncateFrom{Position(2)}, change(2, 2, of({2, 3}))}), "")
      << "another change in its place";
}

}  // namespace
}  // namespace quorate::sim
