// The main transitions of README.md, built as effects: the contract can say what Multi-Paxos needs.

#include "consensus/multipaxos/messages.h"

#include <gtest/gtest.h>

#include "consensus/contract/effect.h"
#include "consensus/contract/executor.h"
#include "consensus/contract/input.h"

namespace quorate::multipaxos {
namespace {

using namespace consensus;  // NOLINT(google-build-using-namespace)

/// Stands for the codec that the core will have.
Buffer bytes_of(const Message& message) { return Buffer::copy_of(std::string(1, static_cast<char>(message.index()))); }

Put put(std::uint64_t position, Tag tag, std::string_view value) {
  return {{{Position(position), tag}, EntryKind::command, Buffer::copy_of(value)}};
}

TEST(multipaxos_messages, ballots_are_tags_in_order) {
  const Ballot ballot{7, 3};
  EXPECT_EQ(Ballot::of(ballot.tag()), ballot);
  EXPECT_LT(ballot.tag(), (Ballot{7, 4}.tag()));
  EXPECT_LT(ballot.tag(), (Ballot{8, 1}.tag()));
  EXPECT_LT((Ballot{(1ULL << 46) - 1, (1ULL << 16) - 1}.tag().value()), 1ULL << 62);
  EXPECT_DEATH((void)(Ballot{7, 0}.tag()), "fits a tag");
}

TEST(multipaxos_messages, a_slot_is_accepted_behind_a_hole) {
  const Tag ballot = Ballot{2, 1}.tag();
  std::vector<Effect> effects;
  effects.emplace_back(Persist{Io(1), {SetState{Buffer::copy_of("promised")}, put(5, ballot, "x")}});
  effects.emplace_back(Send{
      .to = NodeId(1), .message = bytes_of(Accepted{ballot, Position(5), Position(5)}), .attach = {}, .after = Io(1)});
  Executor executor;
  std::vector<Effect> ready;
  executor.admit(effects, ready);
  EXPECT_EQ(ready.size(), 1U);
  executor.confirm(Io(1), ready);
  EXPECT_EQ(ready.size(), 2U);
}

TEST(multipaxos_messages, a_promise_sends_each_run_of_accepted_slots) {
  const Tag ballot = Ballot{3, 2}.tag();
  const Tag earlier = Ballot{2, 1}.tag();
  std::vector<Effect> effects;
  effects.emplace_back(Persist{Io(1), {SetState{Buffer::copy_of("promised")}}});
  effects.emplace_back(Send{.to = NodeId(2),
                            .message = bytes_of(Promise{ballot, Position(3), Position(7), 2}),
                            .attach = {},
                            .after = Io(1)});
  effects.emplace_back(Send{.to = NodeId(2),
                            .message = bytes_of(PromisedRun{ballot, 0, Position(4), Position(5)}),
                            .attach = Attach{Position(4), Position(5), earlier},
                            .after = Io(1)});
  effects.emplace_back(Send{.to = NodeId(2),
                            .message = bytes_of(PromisedRun{ballot, 1, Position(7), Position(7)}),
                            .attach = Attach{Position(7), Position(7), earlier},
                            .after = Io(1)});
  Executor executor;
  std::vector<Effect> ready;
  executor.admit(effects, ready);
  EXPECT_EQ(executor.held(), 3U) << "a promise is durable before it is made (P-01)";
}

TEST(multipaxos_messages, a_new_proposer_fills_slots_in_one_write) {
  const Tag ballot = Ballot{3, 2}.tag();
  std::vector<Effect> effects;
  Put fill{{{Position(6), ballot}, EntryKind::noop, {}}};
  effects.emplace_back(Persist{Io(1), {put(4, ballot, "a"), put(5, ballot, "b"), fill, put(7, ballot, "d")}});
  effects.emplace_back(Send{.to = NodeId(1),
                            .message = bytes_of(Accept{ballot, Position(3)}),
                            .attach = Attach{Position(4), Position(7), ballot},
                            .after = Io()});
  effects.emplace_back(Commit{Position(7)});
  Executor executor;
  std::vector<Effect> ready;
  executor.admit(effects, ready);
  EXPECT_EQ(ready.size(), 3U);
}

}  // namespace
}  // namespace quorate::multipaxos
