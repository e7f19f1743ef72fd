// Each invariant over what cores do rejects a hand-made observation that breaks it, and accepts the legal one beside
// it.

#include <gtest/gtest.h>

#include "sim/invariants/durable_before_revealed.h"
#include "sim/invariants/durable_on_quorum.h"
#include "sim/invariants/leader_append_only.h"
#include "sim/invariants/leader_hears_quorum.h"
#include "sim/invariants/leader_knows_matches.h"
#include "sim/invariants/log_matching.h"
#include "sim/invariants/one_value_per_cell.h"
#include "sim/invariants/one_value_per_position.h"
#include "sim/invariants/one_value_per_tag.h"
#include "sim/invariants/own_term_commit.h"
#include "sim/invariants/promise_kept.h"
#include "sim/invariants/safe_cell_proposals.h"
#include "sim/invariants/safe_proposals.h"
#include "sim/invariants/vote_rule.h"
#include "sim/ledger.h"

namespace quorate::sim {
namespace {

using consensus::Commit;
using consensus::Effect;
using consensus::EntryKind;
using consensus::Persist;
using consensus::PersistOp;
using consensus::Put;
using consensus::Role;
using consensus::Send;
using consensus::SetState;
using consensus::TruncateFrom;

constexpr GroupId kGroup(1);

/// A core that is asked for nothing but its status.
class StubCore final : public consensus::Core {
 public:
  StubCore(Role role, Tag tag) {
    status_.role = role;
    status_.tag = tag;
    status_.membership.voters = {NodeId(1), NodeId(2), NodeId(3)};
  }
  void step(Instant, const consensus::Input&) override {}
  void take_effects(std::vector<Effect>&) override {}
  [[nodiscard]] consensus::CoreStatus status() const override { return status_; }
  [[nodiscard]] std::unique_ptr<Core> clone() const override { return nullptr; }
  void hash_into(Hasher&) const override {}

 private:
  consensus::CoreStatus status_;
};

class Invariants : public ::testing::Test {
 protected:
  static ReplicaName replica(std::uint32_t node) { return {node, kGroup}; }
  static PersistOp put(std::uint64_t position, std::uint64_t tag, std::string_view payload = {}) {
    return Put{{.id = {Position(position), Tag(tag)}, .kind = EntryKind::command, .payload = Buffer::copy_of(payload)}};
  }
  static Persist persist(std::uint64_t io, std::vector<PersistOp> ops) { return {Io(io), std::move(ops)}; }
  /// Node 1 to 3 begin empty.
  void SetUp() override {
    for (std::uint32_t node = 1; node <= 3; ++node) {
      ledger_.start(replica(node), {});
    }
  }
  /// What the invariant says of a write, which the ledger then has.
  std::string write(Invariant& invariant, std::uint32_t node, std::vector<PersistOp> ops, const StubCore& core) {
    const Persist what = persist(1, std::move(ops));
    std::string said = judge(invariant, node, what, core);
    ledger_.write(replica(node), what);
    return said;
  }
  /// What the invariant says of an effect, before the ledger has it.
  static std::string judge(Invariant& invariant, std::uint32_t node, const Effect& effect, const StubCore& core) {
    return invariant.on_effect(replica(node), effect, core);
  }

  Ledger ledger_;
  const StubCore leader_{Role::leader, Tag(2)};
  const StubCore follower_{Role::follower, Tag(2)};
};

TEST_F(Invariants, AMessageBeforeTheStateIsDurableIsRejected) {  // I-02
  DurableBeforeRevealed invariant(ledger_);
  const Send at_once{.to = NodeId(2), .message = {}, .attach = {}, .after = {}};
  EXPECT_EQ(judge(invariant, 1, at_once, follower_), "");
  ledger_.write(replica(1), persist(1, {SetState{}}));
  EXPECT_NE(judge(invariant, 1, at_once, follower_), "");
  EXPECT_EQ(judge(invariant, 1, Send{.to = NodeId(2), .message = {}, .attach = {}, .after = Io(1)}, follower_), "");
  ledger_.confirm(replica(1), Io(1));
  EXPECT_EQ(judge(invariant, 1, at_once, follower_), "");
}

TEST_F(Invariants, ACommitThatAQuorumDoesNotHoldIsRejected) {  // I-05
  DurableOnQuorum invariant(ledger_, true);
  for (std::uint32_t node = 1; node <= 2; ++node) {
    ledger_.write(replica(node), persist(1, {put(1, 2)}));
  }
  ledger_.confirm(replica(1), Io(1));
  EXPECT_NE(judge(invariant, 1, Commit{Position(1)}, leader_), "") << "node 2 has only written it";
  ledger_.confirm(replica(2), Io(1));
  EXPECT_EQ(judge(invariant, 1, Commit{Position(1)}, leader_), "");
  EXPECT_EQ(judge(invariant, 3, Commit{Position(1)}, follower_), "") << "a follower takes its leader's word";
  ledger_.write(replica(2), persist(2, {put(1, 3)}));
  EXPECT_NE(judge(invariant, 1, Commit{Position(1)}, leader_), "") << "node 2 has another entry there";
}

TEST_F(Invariants, WhatALeaderLearntWasJudgedWhenItWasDecided) {  // I-05, of protocols whose leaders learn
  DurableOnQuorum invariant(ledger_, false);
  for (std::uint32_t node = 1; node <= 2; ++node) {
    ledger_.write(replica(node), persist(1, {put(1, 2), put(2, 2)}));
    ledger_.confirm(replica(node), Io(1));
  }
  EXPECT_EQ(judge(invariant, 1, Commit{Position(1)}, leader_), "");
  ledger_.start(replica(2), {});  // its disk was damaged
  EXPECT_EQ(judge(invariant, 1, Commit{Position(1)}, leader_), "");
  EXPECT_NE(judge(invariant, 1, Commit{Position(2)}, leader_), "") << "this one was never decided";
}

TEST_F(Invariants, ACopyThatADamagedDiskTookWasAcknowledged) {  // I-05
  DurableOnQuorum invariant(ledger_, true);
  for (std::uint32_t node = 1; node <= 2; ++node) {
    ledger_.write(replica(node), persist(1, {put(1, 2)}));
    ledger_.confirm(replica(node), Io(1));
    ledger_.write(replica(node), persist(2, {put(2, 2)}));
  }
  ledger_.confirm(replica(1), Io(2));
  consensus::PersistedState damaged;
  damaged.loss.kind = consensus::Loss::Kind::promises;
  ledger_.start(replica(2), damaged);
  EXPECT_EQ(judge(invariant, 1, Commit{Position(1)}, leader_), "");
  EXPECT_NE(judge(invariant, 1, Commit{Position(2)}, leader_), "") << "it had not been synced";
}

TEST_F(Invariants, ALeaderThatBelievesTooMuchIsRejected) {  // I-15
  LeaderKnowsMatches invariant(ledger_);
  const std::vector<consensus::MemberProgress> believes = {{NodeId(2), Position(1)}};
  ledger_.write(replica(1), persist(1, {put(1, 2, "x")}));
  ledger_.write(replica(2), persist(1, {put(1, 2, "x")}));
  for (const std::uint32_t node : {1U, 2U}) {
    EXPECT_EQ(invariant.on_status(node, kGroup, leader_.status(), Position()), "");
  }
  EXPECT_NE(invariant.on_progress(replica(1), believes), "") << "node 2 has only written it";
  ledger_.confirm(replica(2), Io(1));
  EXPECT_EQ(invariant.on_progress(replica(1), believes), "");
  ledger_.write(replica(2), persist(2, {put(1, 3, "y")}));
  ledger_.confirm(replica(2), Io(2));
  EXPECT_NE(invariant.on_progress(replica(1), believes), "") << "it has another value there";
  EXPECT_EQ(invariant.on_status(2, kGroup, StubCore(Role::follower, Tag(3)).status(), Position()), "");
  EXPECT_EQ(invariant.on_progress(replica(1), believes), "") << "a later leader had it taken back";
}

/// "?POSITION.TERM" asks for votes in term 5, "+" gives one, "~" a conditional one.
std::optional<consensus::Vote> vote_of(ByteView message) {
  using Kind = consensus::Vote::Kind;
  if (message.starts_with("?")) {
    const EntryId last{Position(static_cast<std::uint64_t>(message[1] - '0')),
                       Tag(static_cast<std::uint64_t>(message[3] - '0'))};
    return consensus::Vote{Kind::asked, Tag(5), last};
  }
  return consensus::Vote{message == "~" ? Kind::conditional : Kind::given, Tag(5), {}};
}

Send speak(std::uint64_t to, std::string_view words, std::uint64_t after = 0) {
  return {.to = NodeId(to), .message = Buffer::copy_of(words), .attach = {}, .after = Io(after)};
}

TEST_F(Invariants, AVoteForAnOlderLogIsRejected) {  // I-16
  VoteRule invariant(ledger_, &vote_of);
  ledger_.write(replica(1), persist(1, {put(1, 1), put(2, 1)}));
  ledger_.write(replica(2), persist(1, {put(1, 1), put(2, 1), put(3, 1)}));
  EXPECT_EQ(judge(invariant, 1, speak(2, "?2.1"), follower_), "");
  EXPECT_NE(judge(invariant, 2, speak(1, "+"), follower_), "") << "one entry is missing there";
  EXPECT_EQ(judge(invariant, 3, speak(1, "+"), follower_), "");
  EXPECT_NE(judge(invariant, 3, speak(2, "+"), follower_), "") << "it has voted in this term";
}

TEST_F(Invariants, AConditionalVoteComparesNoLogs) {  // I-16
  VoteRule invariant(ledger_, &vote_of);
  ledger_.write(replica(2), persist(1, {put(1, 1)}));
  EXPECT_EQ(judge(invariant, 1, speak(2, "?0.0"), follower_), "");
  EXPECT_EQ(judge(invariant, 2, speak(1, "~"), follower_), "");
}

TEST_F(Invariants, ARepeatedVoteIsTheFirstOne) {  // I-16
  VoteRule invariant(ledger_, &vote_of);
  EXPECT_EQ(judge(invariant, 1, speak(2, "?0.0"), follower_), "");
  EXPECT_EQ(judge(invariant, 2, speak(1, "+", 1), follower_), "");
  invariant.on_life_ended(2);
  ledger_.write(replica(2), persist(1, {put(1, 5)}));
  EXPECT_EQ(judge(invariant, 2, speak(1, "+"), follower_), "") << "its disk may have kept the vote";
}

TEST_F(Invariants, AVoteThatNeverLeftMayBeGivenToAnother) {  // I-16
  VoteRule invariant(ledger_, &vote_of);
  EXPECT_EQ(judge(invariant, 1, speak(3, "?0.0"), follower_), "");
  EXPECT_EQ(judge(invariant, 2, speak(3, "?0.0", 1), follower_), "");
  EXPECT_EQ(judge(invariant, 3, speak(1, "+", 1), follower_), "");
  invariant.on_life_ended(3);
  EXPECT_EQ(judge(invariant, 3, speak(2, "+", 1), follower_), "");
  invariant.on_durable(replica(3), Io(1));
  invariant.on_life_ended(3);
  EXPECT_NE(judge(invariant, 3, speak(1, "+", 1), follower_), "");
}

TEST_F(Invariants, ALeaderThatHearsNobodyIsRejected) {  // I-17
  NodeSettings settings;
  settings.node_count = 3;
  class Nobody final : public ReplicaObserver, public TraceSink {
   public:
    void on_core_start(const ReplicaName&, const consensus::PersistedState&) override {}
    void on_core_effect(const ReplicaName&, const Effect&, const consensus::Core&) override {}
    void on_core_durable(const ReplicaName&, Io) override {}
    void on_events(std::uint32_t, GroupId, std::int64_t, std::span<const kv::Event>) override {}
    void on_replaced(std::uint32_t, GroupId, std::int64_t) override {}
    void on_role(std::uint32_t, GroupId, const consensus::RoleChanged&) override {}
    void on_node_stopped(std::uint32_t, const Error&) override {}
    void trace(const TraceEvent&) override {}
  } nobody;
  Cluster cluster(settings, Random(1), nobody, nobody);
  LeaderHearsQuorum invariant(cluster, {.election_timeout = std::chrono::milliseconds(100)});
  const auto look = [&](int at_ms) {
    cluster.queue().advance_to(Instant(std::chrono::milliseconds(at_ms)));
    return invariant.on_status(1, kGroup, leader_.status(), Position());
  };
  EXPECT_EQ(look(0), "");
  EXPECT_EQ(look(150), "");
  invariant.on_receive(replica(1), NodeId(3));
  EXPECT_EQ(look(300), "") << "with itself that is a majority";
  EXPECT_NE(look(400), "");
  cluster.pause(1, Instant(std::chrono::milliseconds(450)));
  EXPECT_EQ(look(600), "") << "it slept";
  EXPECT_NE(look(700), "");
}

TEST_F(Invariants, AnOlderTermCommittedByCountingIsRejected) {  // I-14, R-01
  OwnTermCommit invariant(ledger_);
  ledger_.write(replica(1), persist(1, {put(1, 1), put(2, 2)}));
  EXPECT_NE(judge(invariant, 1, Commit{Position(1)}, leader_), "");
  EXPECT_EQ(judge(invariant, 1, Commit{Position(2)}, leader_), "");
  EXPECT_EQ(judge(invariant, 1, Commit{Position(1)}, follower_), "");
}

TEST_F(Invariants, ALeaderThatTakesBackItsEntriesIsRejected) {  // I-11
  LeaderAppendOnly invariant(ledger_);
  ledger_.write(replica(1), persist(1, {put(1, 1)}));
  EXPECT_EQ(judge(invariant, 1, persist(2, {put(2, 2)}), leader_), "");
  EXPECT_NE(judge(invariant, 1, persist(2, {put(1, 2)}), leader_), "");
  EXPECT_NE(judge(invariant, 1, persist(2, {TruncateFrom{Position(1)}}), leader_), "");
  EXPECT_EQ(judge(invariant, 1, persist(2, {TruncateFrom{Position(1)}}), follower_), "");
}

TEST_F(Invariants, AnEntryBehindTwoPredecessorsIsRejected) {  // I-12
  LogMatching invariant(ledger_);
  EXPECT_EQ(write(invariant, 1, {put(1, 1), put(2, 2)}, follower_), "");
  EXPECT_EQ(write(invariant, 2, {put(1, 1)}, follower_), "");
  EXPECT_EQ(write(invariant, 2, {put(2, 2)}, follower_), "");
  EXPECT_NE(write(invariant, 3, {put(1, 2), put(2, 2)}, follower_), "");
}

TEST_F(Invariants, TwoValuesAtOnePositionAreRejected) {  // I-40
  OneValuePerPosition invariant(ledger_);
  ledger_.write(replica(1), persist(1, {put(1, 1, "x"), put(2, 1, "y")}));
  ledger_.write(replica(2), persist(1, {put(1, 2, "x"), put(2, 2, "z")}));
  EXPECT_EQ(judge(invariant, 1, Commit{Position(2)}, leader_), "");
  EXPECT_EQ(judge(invariant, 2, Commit{Position(1)}, follower_), "") << "another tag, the same value";
  EXPECT_NE(judge(invariant, 2, Commit{Position(2)}, follower_), "");
}

TEST_F(Invariants, AGapInWhatIsCommittedIsRejected) {  // I-45
  OneValuePerPosition invariant(ledger_);
  ledger_.write(replica(1), persist(1, {put(1, 1), put(3, 1)}));
  EXPECT_EQ(judge(invariant, 1, Commit{Position(1)}, leader_), "");
  EXPECT_NE(judge(invariant, 1, Commit{Position(3)}, leader_), "");
  ledger_.write(replica(2), persist(1, {consensus::ResetTo{.snapshot = {Position(7), Tag(1)}}, put(8, 1)}));
  EXPECT_EQ(judge(invariant, 2, Commit{Position(8)}, leader_), "") << "a snapshot has what was before";
}

TEST_F(Invariants, TwoValuesOfOneTagAreRejected) {  // I-41
  OneValuePerTag invariant(ledger_);
  EXPECT_EQ(write(invariant, 1, {put(1, 1, "x")}, leader_), "");
  EXPECT_EQ(write(invariant, 2, {put(1, 1, "x")}, follower_), "");
  EXPECT_EQ(write(invariant, 2, {put(1, 2, "y")}, follower_), "");
  EXPECT_NE(write(invariant, 3, {put(1, 1, "y")}, follower_), "");
}

TEST_F(Invariants, AnAcceptanceBelowAPromiseIsRejected) {  // I-42
  PromiseKept invariant([](ByteView message) -> std::optional<consensus::Vow> {
    const auto kind = message[0] == 'p' ? consensus::Vow::Kind::promised : consensus::Vow::Kind::accepted;
    return consensus::Vow{kind, Tag(static_cast<std::uint64_t>(message[1] - '0'))};
  });
  const auto say = [&](std::uint32_t node, const char* vow, std::uint64_t after) {
    return judge(invariant, node,
                 Send{.to = NodeId(3), .message = Buffer::copy_of(vow), .attach = {}, .after = Io(after)}, follower_);
  };
  EXPECT_EQ(say(1, "a2", 0), "");
  EXPECT_EQ(say(1, "p3", 0), "");
  EXPECT_EQ(say(1, "a3", 0), "");
  EXPECT_NE(say(1, "a2", 0), "");
  EXPECT_EQ(say(2, "a2", 0), "") << "each keeps its own promises";
  EXPECT_EQ(say(2, "p5", 4), "");
  EXPECT_NE(say(2, "a4", 4), "") << "it knows what it is about to say";
  invariant.on_life_ended(2);
  EXPECT_EQ(say(2, "a4", 0), "") << "nobody has heard that promise";
  EXPECT_EQ(say(2, "p6", 1), "");
  invariant.on_durable(replica(2), Io(1));
  invariant.on_life_ended(2);
  EXPECT_NE(say(2, "a5", 0), "") << "a promise that has left binds the lives after";
  EXPECT_EQ(say(2, "a6", 0), "");
}

TEST_F(Invariants, APromiseForACellBindsThatCellOnly) {  // I-42
  PromiseKept invariant([](ByteView message) -> std::optional<consensus::Vow> {
    const auto kind = message[0] == 'p' ? consensus::Vow::Kind::promised : consensus::Vow::Kind::accepted;
    return consensus::Vow{.kind = kind,
                          .tag = Tag(static_cast<std::uint64_t>(message[1] - '0')),
                          .cell = message.substr(3),
                          .life = Incarnation(static_cast<std::uint64_t>(message[2] - '0'))};
  });
  const auto say = [&](const char* vow) {
    return judge(invariant, 1, Send{.to = NodeId(3), .message = Buffer::copy_of(vow), .attach = {}, .after = Io()},
                 follower_);
  };
  EXPECT_EQ(say("p32x"), "");
  EXPECT_EQ(say("a21y"), "");
  EXPECT_NE(say("a21x"), "");
  EXPECT_NE(say("a31x"), "") << "the same tag, of an earlier life of its proposer";
  EXPECT_EQ(say("a32x"), "");
}

TEST_F(Invariants, TwoValuesOfOneCellAreRejected) {  // I-40
  OneValuePerCell invariant;
  const auto choose = [&](std::uint32_t node, const char* cell, const char* value) {
    return judge(invariant, node, consensus::Chosen{Buffer::copy_of(cell), Buffer::copy_of(value)}, follower_);
  };
  EXPECT_EQ(choose(1, "k", "a"), "");
  EXPECT_EQ(choose(2, "k", "a"), "");
  EXPECT_EQ(choose(1, "l", "b"), "");
  EXPECT_NE(choose(2, "k", "b"), "");
}

TEST_F(Invariants, AProposalAgainstAMajorityIsRejected) {  // I-41, I-43, I-05
  // "p2a": proposes a in tag 2; "a2": accepted in tag 2. One cell; a majority is two of three.
  SafeCellProposals invariant([](ByteView message) -> std::optional<consensus::Vow> {
    const auto kind = message[0] == 'p' ? consensus::Vow::Kind::proposed : consensus::Vow::Kind::accepted;
    return consensus::Vow{.kind = kind,
                          .tag = Tag(static_cast<std::uint64_t>(message[1] - '0')),
                          .cell = "k",
                          .value = message.substr(2)};
  });
  const auto say = [&](std::uint32_t node, const char* vow, std::uint64_t after = 0) {
    return judge(invariant, node,
                 Send{.to = NodeId(1), .message = Buffer::copy_of(vow), .attach = {}, .after = Io(after)}, follower_);
  };
  const auto choose = [&](const char* value) {
    return judge(invariant, 1, consensus::Chosen{Buffer::copy_of("k"), Buffer::copy_of(value)}, follower_);
  };
  EXPECT_EQ(say(1, "p2a"), "");
  EXPECT_NE(say(1, "p2b"), "") << "two values in one tag";
  EXPECT_NE(choose("a"), "") << "nobody has accepted it";
  EXPECT_EQ(say(2, "a2", 5), "");
  EXPECT_NE(choose("a"), "") << "not durably";
  invariant.on_durable(replica(2), Io(5));
  EXPECT_EQ(choose("a"), "");
  EXPECT_EQ(say(3, "p1b"), "") << "too late to be chosen";
  EXPECT_EQ(say(3, "p3a"), "");
  EXPECT_NE(say(3, "p4b"), "");
}

TEST_F(Invariants, ANewValueWhereOneWasDecidedIsRejected) {  // I-43
  SafeProposals invariant(ledger_);
  const StubCore older(Role::leader, Tag(1));
  const StubCore newer(Role::leader, Tag(3));
  EXPECT_EQ(write(invariant, 1, {put(1, 2, "x"), put(2, 2, "y")}, leader_), "");
  EXPECT_EQ(judge(invariant, 1, Commit{Position(1)}, leader_), "");
  EXPECT_EQ(write(invariant, 3, {put(1, 2, "x"), put(2, 3, "z")}, newer), "") << "2 is not decided";
  EXPECT_EQ(write(invariant, 2, {put(1, 1, "w")}, older), "") << "it is too late for that to be chosen";
  EXPECT_EQ(write(invariant, 2, {put(1, 3, "v")}, follower_), "") << "a follower proposes nothing";
  const StubCore fourth(Role::leader, Tag(4));
  EXPECT_NE(write(invariant, 2, {put(1, 4, "v")}, fourth), "");
}

TEST_F(Invariants, TheLedgerKeepsWhatACrashKeeps) {
  ledger_.write(replica(1), persist(1, {put(1, 1), put(2, 1)}));
  ledger_.confirm(replica(1), Io(1));
  ledger_.write(replica(1), persist(2, {TruncateFrom{Position(2)}, put(2, 2)}));
  EXPECT_TRUE(ledger_.has_durably(replica(1), {Position(1), Tag(1)}));
  EXPECT_FALSE(ledger_.has_durably(replica(1), {Position(2), Tag(2)}));
  ledger_.write(replica(1), persist(3, {consensus::DiscardBelow{.id = {Position(1), Tag(1)}, .membership = {}}}));
  EXPECT_EQ(ledger_.tag_at(replica(1), Position(1)), Tag(1)) << "where the log begins";
  EXPECT_EQ(ledger_.tag_at(replica(1), Position(2)), Tag(2));
  consensus::PersistedState recovered;
  recovered.discarded = {Position(1), Tag(1)};
  recovered.log.push_back({.id = {Position(2), Tag(2)}, .payload = {}});
  ledger_.start(replica(1), recovered);
  EXPECT_TRUE(ledger_.has_durably(replica(1), {Position(2), Tag(2)}));
  EXPECT_FALSE(ledger_.has_durably(replica(1), {Position(3), Tag(2)}));
}

}  // namespace
}  // namespace quorate::sim
