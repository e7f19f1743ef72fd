#include "group/replica_runtime.h"

#include <gtest/gtest.h>

#include "consensus/contract/membership_codec.h"
#include "group/fakes_for_test.h"

namespace quorate::group {
namespace {

using namespace consensus;  // NOLINT(google-build-using-namespace)
using namespace std::chrono_literals;
using testing::Test;

Put put(std::uint64_t position, std::uint64_t tag, std::string_view payload) {
  return {{{Position(position), Tag(tag)}, EntryKind::command, Buffer::copy_of(payload)}};
}

class ReplicaRuntimeTest : public Test, public ReplicaOwner {
 protected:
  ReplicaRuntimeTest() { begin(Position()); }

  void begin(Position executed) {
    node_.mesh = &mesh_;
    machine_.done = executed;
    ReplicaStart start{.group = GroupId(1), .self = NodeId(1), .executed = executed};
    start.core = std::make_unique<FakeCore>(core_);
    start.membership.voters = {NodeId(1), NodeId(2), NodeId(3)};
    replica_ = std::make_unique<ReplicaRuntime>(std::move(start), node_, limits_, machine_, service_);
  }
  void start() {
    replica_->start();
    events_.clear();
  }
  /// Lets the core emit what `script` says when it gets any input, and gives it a timer's firing.
  void effects(const std::function<void(FakeCore::Script&)>& script) {
    core_.on_input = [&script, used = false](const Input&, FakeCore::Script& core) mutable {
      if (!std::exchange(used, true)) {
        script(core);
      }
    };
    replica_->on_message(NodeId(2), "go", {});
    core_.on_input = nullptr;
  }
  [[nodiscard]] Events told() { return std::exchange(core_.told, {}); }
  [[nodiscard]] Events happened() { return std::exchange(events_, {}); }

  void on_executed(ReplicaRuntime&) override { ++executions_; }
  void on_fatal(const Error& why) override { fatal_ = why.text; }
  void on_configuration_changed(GroupId, const consensus::ConfigurationChanged&) override {}
  [[nodiscard]] std::vector<consensus::Contact> contacts() const override { return {}; }
  [[nodiscard]] bool pushes_back() const override { return pushes_back_; }

  Events events_;
  storage::TestLoop loop_;
  storage::TestEntropy entropy_{1};
  FakeTraces traces_;
  FakeLog log_{events_};
  FakeMesh mesh_{events_};
  FakeMachine machine_{events_};
  FakeService service_{events_};
  FakeCore::Script core_;
  FakeRecords records_{events_};
  Pace pace_{0};
  NodeParts node_{loop_, loop_, entropy_, traces_, log_, records_, pace_, *this};
  ReplicaLimits limits_{.max_uncommitted_bytes = 100, .max_attached_bytes = 40, .slice_entries = 4};
  std::unique_ptr<ReplicaRuntime> replica_;
  std::string fatal_;
  bool pushes_back_ = false;
  int executions_ = 0;
};

TEST_F(ReplicaRuntimeTest, ProposalsOfATurnAreOneBatchAndReadsOneRound) {
  start();
  EXPECT_TRUE(replica_->propose(Context(1), Buffer::copy_of("a"), {}));
  EXPECT_TRUE(replica_->propose(Context(2), Buffer::copy_of("b"), {}));
  replica_->read(Context(3));
  replica_->read(Context(4));
  EXPECT_TRUE(told().empty()) << "nothing before the end of the turn";
  loop_.end_turn();
  EXPECT_EQ(told(), (Events{"propose 2", "read 3"}));
}

TEST_F(ReplicaRuntimeTest, LargeBatchesAreCutSoThatOneMessageTakesThem) {
  start();
  for (std::uint64_t i = 1; i <= 5; ++i) {
    EXPECT_TRUE(replica_->propose(Context(i), Buffer::adopt(std::string(15, 'x')), {}));
  }
  loop_.end_turn();
  EXPECT_EQ(told(), (Events{"propose 2", "propose 2", "propose 1"}));
}

TEST_F(ReplicaRuntimeTest, ALeadersAppendLeavesWhileItsOwnWriteWaits) {
  start();
  effects([](FakeCore::Script& core) {
    core.persist({put(1, 1, "a"), put(2, 1, "b")});
    core.emit(Send{NodeId(2), Buffer::copy_of("append"), Attach{Position(1), Position(2), Tag(1)}, Io()});
  });
  EXPECT_EQ(happened(), (Events{"append 1: put 1 put 2", "send 2 append +2"}));
}

TEST_F(ReplicaRuntimeTest, AnAcknowledgementWaitsForTheWriteThatItNames) {
  start();
  effects([](FakeCore::Script& core) {
    const Io io = core.persist({put(1, 1, "a")});
    core.emit(Send{NodeId(2), Buffer::copy_of("ack"), std::nullopt, io});
  });
  EXPECT_EQ(happened(), (Events{"append 1: put 1"}));
  (void)told();
  replica_->on_durable(Io(1));
  EXPECT_EQ(happened(), (Events{"send 2 ack +0"}));
  EXPECT_EQ(told(), (Events{"persisted 1"}));
}

TEST_F(ReplicaRuntimeTest, CommittedEntriesAreExecutedInTheSameTurnAndReported) {
  start();
  effects([](FakeCore::Script& core) {
    core.persist({Put{{{Position(1), Tag(1)}, EntryKind::noop, {}}}, put(2, 1, "b")});
    core.emit(Commit{Position(2)});
  });
  EXPECT_EQ(happened(), (Events{"append 1: put 1 put 2", "skip 1", "execute 2 b"}));
  EXPECT_EQ(told(), (Events{"receive go +0", "applied 2"}));
  EXPECT_EQ(replica_->executed(), Position(2));
  EXPECT_EQ(executions_, 1);
}

// L-09.
TEST_F(ReplicaRuntimeTest, AReadWaitsUntilItsPositionIsExecuted) {
  start();
  machine_.is_pending = true;
  replica_->read(Context(7));
  loop_.end_turn();
  effects([](FakeCore::Script& core) {
    core.persist({put(1, 1, "a"), put(2, 1, "?b")});
    core.emit(Commit{Position(2)});
    core.emit(ServeRead{Context(7), Position(2)});
  });
  EXPECT_EQ(happened(), (Events{"append 1: put 1 put 2", "execute 1 a"}));
  machine_.is_pending = false;
  machine_.waits();
  EXPECT_EQ(happened(), (Events{"execute 2 ?b", "serve 7"}));
}

TEST_F(ReplicaRuntimeTest, AReadOfWhatIsExecutedIsServedAtOnce) {
  start();
  replica_->read(Context(7));
  replica_->read(Context(8));
  loop_.end_turn();
  effects([](FakeCore::Script& core) { core.emit(ServeRead{Context(7), Position()}); });
  EXPECT_EQ(happened(), (Events{"serve 7", "serve 8"}));
}

TEST_F(ReplicaRuntimeTest, ADroppedRoundDropsAllItsReads) {
  start();
  replica_->read(Context(7));
  replica_->read(Context(8));
  loop_.end_turn();
  effects([](FakeCore::Script& core) { core.emit(Dropped{Context(7), Dropped::Outcome::never}); });
  EXPECT_EQ(happened(), (Events{"lost 7 never", "lost 8 never"}));
}

//
TEST_F(ReplicaRuntimeTest, NothingOvertakesAPendingEntryAndItIsExecutedOnce) {
  start();
  machine_.is_pending = true;
  effects([](FakeCore::Script& core) {
    core.persist({put(1, 1, "?a"), put(2, 1, "b")});
    core.emit(Commit{Position(2)});
  });
  EXPECT_EQ(happened(), (Events{"append 1: put 1 put 2"}));
  effects([](FakeCore::Script& core) {
    core.persist({put(3, 1, "c")});
    core.emit(Commit{Position(3)});
  });
  EXPECT_EQ(happened(), (Events{"append 2: put 3"})) << "still waiting";
  machine_.waits();
  EXPECT_TRUE(happened().empty()) << "woken, and still pending";
  machine_.is_pending = false;
  machine_.waits();
  EXPECT_EQ(happened(), (Events{"execute 1 ?a", "execute 2 b", "execute 3 c"}));
  (void)told();
  machine_.waits();
  EXPECT_TRUE(happened().empty()) << "a second wake-up of the same wait finds nothing to do";
}

//
TEST_F(ReplicaRuntimeTest, ALongCatchUpIsSlicedOverTurns) {
  start();
  effects([](FakeCore::Script& core) {
    std::vector<PersistOp> ops;
    for (std::uint64_t i = 1; i <= 10; ++i) {
      ops.emplace_back(put(i, 1, "x"));
    }
    core.persist(std::move(ops));
    core.emit(Commit{Position(10)});
  });
  EXPECT_EQ(replica_->executed(), Position(4));
  EXPECT_TRUE(loop_.fire_next(loop_.now()));
  EXPECT_EQ(replica_->executed(), Position(8));
  EXPECT_TRUE(loop_.fire_next(loop_.now()));
  EXPECT_EQ(replica_->executed(), Position(10));
  EXPECT_FALSE(loop_.fire_next(loop_.now()));
}

TEST_F(ReplicaRuntimeTest, EntriesThatLeftMemoryAreFetchedForExecution) {
  start();
  log_.memory_from = Position(10);
  effects([](FakeCore::Script& core) {
    core.persist({put(1, 1, "a")});
    core.emit(Commit{Position(1)});
  });
  EXPECT_EQ(happened(), (Events{"append 1: put 1", "fetch 1-1"}));
  log_.finish_fetch();
  EXPECT_EQ(happened(), (Events{"execute 1 a"}));
}

TEST_F(ReplicaRuntimeTest, AnUnreadableLogStopsTheNode) {
  start();
  log_.memory_from = Position(10);
  effects([](FakeCore::Script& core) {
    core.persist({put(1, 1, "a")});
    core.emit(Commit{Position(1)});
  });
  log_.finish_fetch(fail(ErrorCode::corrupt, "damaged"));
  EXPECT_EQ(fatal_, "damaged");
}

TEST_F(ReplicaRuntimeTest, ASendThatFetchesHoldsUpOnlyItsOwnDestination) {
  log_.put(1, 1, "old");
  log_.memory_from = Position(2);
  start();
  effects([](FakeCore::Script& core) {
    core.emit(Send{NodeId(2), Buffer::copy_of("first"), Attach{Position(1), Position(1), Tag(1)}, Io()});
    core.emit(Send{NodeId(2), Buffer::copy_of("second"), std::nullopt, Io()});
    core.emit(Send{NodeId(3), Buffer::copy_of("other"), std::nullopt, Io()});
  });
  EXPECT_EQ(happened(), (Events{"fetch 1-1", "send 3 other +0"}));
  log_.finish_fetch();
  EXPECT_EQ(happened(), (Events{"send 2 first +1", "send 2 second +0"}));
}

TEST_F(ReplicaRuntimeTest, ASendWhoseEntriesWereReplacedIsDroppedAndTheCoreToldInALaterTurn) {
  log_.put(1, 2, "new");
  start();
  effects([](FakeCore::Script& core) {
    core.emit(Send{NodeId(2), Buffer::copy_of("stale"), Attach{Position(1), Position(1), Tag(1)}, Io()});
  });
  loop_.end_turn();
  EXPECT_TRUE(happened().empty());
  EXPECT_EQ(told(), (Events{"receive go +0"}));
  EXPECT_TRUE(loop_.fire_next(loop_.now()));
  EXPECT_EQ(told(), (Events{"dropped 1-1"}));
}

TEST_F(ReplicaRuntimeTest, ASendThatTheLinkRefusesIsReported) {
  log_.put(1, 1, "a");
  mesh_.accepts = false;
  start();
  effects([](FakeCore::Script& core) {
    core.emit(Send{NodeId(2), Buffer::copy_of("m"), Attach{Position(1), Position(1), Tag(1)}, Io()});
    core.emit(Send{NodeId(2), Buffer::copy_of("plain"), std::nullopt, Io()});
  });
  (void)told();
  loop_.pass(1ms);
  EXPECT_EQ(told(), (Events{"dropped 1-1"}));
}

TEST_F(ReplicaRuntimeTest, ATooLargeAttachmentLeavesWithItsBeginning) {
  for (std::uint64_t i = 1; i <= 5; ++i) {
    log_.put(i, 1, std::string(15, 'x'));
  }
  start();
  effects([](FakeCore::Script& core) {
    core.emit(Send{NodeId(2), Buffer::copy_of("m"), Attach{Position(1), Position(5), Tag(1)}, Io()});
  });
  EXPECT_EQ(happened(), (Events{"send 2 m +2"}));
  (void)told();
  loop_.pass(1ms);
  EXPECT_EQ(told(), (Events{"dropped 3-5"}));
}

//
TEST_F(ReplicaRuntimeTest, ProposalsArePushedBackWhenTooManyBytesWait) {
  start();
  core_.on_input = [](const Input& input, FakeCore::Script& core) {
    if (const auto* propose = std::get_if<Propose>(&input)) {
      core.emit(Placed{propose->batch[0].context, {Position(1), Tag(1)}});
    }
  };
  EXPECT_TRUE(replica_->propose(Context(1), Buffer::adopt(std::string(90, 'x')), {}));
  EXPECT_FALSE(replica_->propose(Context(2), Buffer::adopt(std::string(20, 'x')), {}));
  loop_.end_turn();
  EXPECT_FALSE(replica_->propose(Context(3), Buffer::adopt(std::string(20, 'x')), {}));
  core_.on_input = nullptr;
  effects([](FakeCore::Script& core) {
    core.persist({put(1, 1, "x")});
    core.emit(Commit{Position(1)});
  });
  EXPECT_TRUE(replica_->propose(Context(4), Buffer::adopt(std::string(20, 'x')), {}));
  pushes_back_ = true;
  EXPECT_FALSE(replica_->propose(Context(5), Buffer::copy_of("x"), {}));
}

TEST_F(ReplicaRuntimeTest, AProposalWhosePlaceWasTakenHadNoEffectAndItsServiceLearnsIt) {
  start();
  core_.on_input = [](const Input& input, FakeCore::Script& core) {
    if (std::holds_alternative<Propose>(input)) {
      core.emit(Placed{Context(1), {Position(1), Tag(1)}});
      core.emit(Placed{Context(2), {Position(2), Tag(1)}});
    }
  };
  EXPECT_TRUE(replica_->propose(Context(1), Buffer::copy_of("mine"), {}));
  EXPECT_TRUE(replica_->propose(Context(2), Buffer::copy_of("also mine"), {}));
  loop_.end_turn();
  core_.on_input = nullptr;
  effects([](FakeCore::Script& core) {
    core.persist({put(1, 1, "mine"), put(2, 2, "theirs")});
    core.emit(Commit{Position(2)});
  });
  EXPECT_EQ(happened(), (Events{"append 1: put 1 put 2", "execute 1 mine", "execute 2 theirs", "lost 2 never"}));
}

TEST_F(ReplicaRuntimeTest, TheEngineGetsOnlyWhatTheLogHasDurable) {
  start();
  effects([](FakeCore::Script& core) {
    core.persist({put(1, 1, "a"), put(2, 1, "b")});
    core.emit(Commit{Position(1)});
  });
  EXPECT_EQ(replica_->writable(), Position()) << "executed, but the local write still runs";
  replica_->on_durable(Io(1));
  EXPECT_EQ(replica_->writable(), Position(1)) << "durable, but not executed further";
}

TEST_F(ReplicaRuntimeTest, AReplacedEntryIsNotDurableUntilItsOwnWriteIs) {
  start();
  effects([](FakeCore::Script& core) { core.persist({put(1, 1, "a"), put(2, 1, "old")}); });
  effects([](FakeCore::Script& core) {
    core.persist({TruncateFrom{Position(2)}, put(2, 2, "new")});
    core.emit(Commit{Position(2)});
  });
  replica_->on_durable(Io(1));
  EXPECT_EQ(replica_->executed(), Position(2));
  EXPECT_EQ(replica_->writable(), Position(1)) << "the disk has the old entry at position 2";
  replica_->on_durable(Io(2));
  EXPECT_EQ(replica_->writable(), Position(2));
}

TEST_F(ReplicaRuntimeTest, TheLogIsDiscardedUpToWhatEngineAndMembersHave) {
  start();
  effects([](FakeCore::Script& core) {
    core.persist({put(1, 1, "a"), put(2, 1, "b"), put(3, 1, "c")});
    core.emit(Commit{Position(3)});
  });
  core_.on_input = [](const Input& input, FakeCore::Script& core) {
    if (const auto* taken = std::get_if<SnapshotTaken>(&input)) {
      EXPECT_EQ(taken->membership.voters.size(), 3U);
      core.persist({DiscardBelow{taken->id, taken->membership}});
    }
  };
  (void)happened();
  core_.status.everywhere = Position(1);
  EXPECT_FALSE(replica_->discard(Position(3)));
  EXPECT_EQ(happened(), (Events{"append 2: discard 1"}));
  core_.status.everywhere = Position(9);
  EXPECT_FALSE(replica_->discard(Position(2)));
  EXPECT_EQ(happened(), (Events{"append 3: discard 2"}));
  EXPECT_TRUE(replica_->discard(Position(3)));
  EXPECT_EQ(happened(), (Events{"append 4: discard 3"}));
  EXPECT_TRUE(replica_->discard(Position(3)));
  EXPECT_TRUE(happened().empty());
  const std::optional<Membership> kept = decode_membership(log_.discard_blob.view());
  ASSERT_TRUE(kept.has_value());
  EXPECT_EQ(kept->voters.size(), 3U);
}

TEST_F(ReplicaRuntimeTest, ATimerThatIsPutOffCostsNoTimerAndFiresOnce) {
  start();
  effects([](FakeCore::Script& core) { core.emit(SetTimer{TimerKind::election, 100ms, 100ms}); });
  loop_.pass(60ms);
  effects([](FakeCore::Script& core) { core.emit(SetTimer{TimerKind::election, 100ms, 100ms}); });
  (void)told();
  loop_.pass(99ms);
  EXPECT_TRUE(told().empty());
  loop_.pass(1ms);
  EXPECT_EQ(told(), (Events{"timer"}));
  loop_.pass(1s);
  EXPECT_TRUE(told().empty());
}

TEST_F(ReplicaRuntimeTest, ATimerMovedNearerFiresAtTheNewTime) {
  start();
  effects([](FakeCore::Script& core) { core.emit(SetTimer{TimerKind::election, 100ms, 100ms}); });
  effects([](FakeCore::Script& core) { core.emit(SetTimer{TimerKind::election, 10ms, 10ms}); });
  (void)told();
  loop_.pass(10ms);
  EXPECT_EQ(told(), (Events{"timer"}));
  loop_.pass(1s);
  EXPECT_TRUE(told().empty());
}

TEST_F(ReplicaRuntimeTest, AfterStopNothingIsSentConfirmedOrServed) {
  start();
  effects([](FakeCore::Script& core) {
    const Io io = core.persist({put(1, 1, "a")});
    core.emit(Send{NodeId(2), Buffer::copy_of("ack"), std::nullopt, io});
    core.emit(SetTimer{TimerKind::election, 10ms, 10ms});
  });
  (void)told();
  (void)happened();
  replica_->stop();
  replica_->on_durable(Io(1));
  replica_->on_message(NodeId(2), "late", {});
  EXPECT_FALSE(replica_->propose(Context(1), Buffer::copy_of("x"), {}));
  replica_->read(Context(2));
  loop_.pass(1s);
  EXPECT_TRUE(told().empty());
  EXPECT_TRUE(happened().empty());
}

TEST_F(ReplicaRuntimeTest, FirstEffectsOfACoreAreCarriedOutAtTheStart) {
  core_.emit(SetTimer{TimerKind::election, 10ms, 10ms});
  EXPECT_TRUE(replica_->propose(Context(1), Buffer::copy_of("early"), {})) << "waits for the start";
  replica_->start();
  loop_.end_turn();
  EXPECT_EQ(told(), (Events{"propose 1"}));
  loop_.pass(10ms);
  EXPECT_EQ(told(), (Events{"timer"}));
}

}  // namespace
}  // namespace quorate::group
