// The main transitions of README.md, built as effects: the contract can say what ZAB needs.

#include "consensus/zab/messages.h"

#include <gtest/gtest.h>

#include "consensus/contract/effect.h"
#include "consensus/contract/executor.h"

namespace quorate::zab {
namespace {

using namespace consensus;  // NOLINT(google-build-using-namespace)

/// Stands for the codec that the core will have.
Buffer bytes_of(const Message& message) { return Buffer::copy_of(std::string(1, static_cast<char>(message.index()))); }

Put put(std::uint64_t position, std::uint64_t epoch) {
  return {{{Position(position), Tag(epoch)}, EntryKind::command, Buffer::copy_of("txn")}};
}

TEST(zab_messages, votes_prefer_epoch_then_history_then_node) {
  const Vote vote{Tag(2), {Position(9), Tag(2)}, NodeId(1)};
  EXPECT_LT(vote, (Vote{Tag(3), {Position(1), Tag(1)}, NodeId(1)}));
  EXPECT_LT(vote, (Vote{Tag(2), {Position(10), Tag(2)}, NodeId(1)}));
  EXPECT_LT(vote, (Vote{Tag(2), {Position(9), Tag(2)}, NodeId(2)}));
}

TEST(zab_messages, a_new_leader_is_acknowledged_after_epoch_and_history_are_durable_together) {
  const Session session{Incarnation(1), 4, 7};
  std::vector<Effect> effects;
  effects.emplace_back(
      Persist{Io(1), {SetState{Buffer::copy_of("epochs")}, TruncateFrom{Position(3)}, put(3, 5), put(4, 5)}});
  effects.emplace_back(
      Send{.to = NodeId(1), .message = bytes_of(AckNewLeader{session, Tag(5)}), .attach = {}, .after = Io(1)});
  Executor executor;
  std::vector<Effect> ready;
  executor.admit(effects, ready);
  ASSERT_EQ(ready.size(), 1U);
  EXPECT_TRUE(std::holds_alternative<Persist>(ready.front()));
  executor.confirm(Io(1), ready);
  EXPECT_EQ(ready.size(), 2U);
}

TEST(zab_messages, synchronisation_and_broadcast_attach_what_the_log_has) {
  const Session session{Incarnation(1), 4, 7};
  std::vector<Effect> effects;
  effects.emplace_back(Send{.to = NodeId(2),
                            .message = bytes_of(SyncBegin{session, {Position(2), Tag(1)}, Position(4), false}),
                            .attach = {},
                            .after = Io()});
  effects.emplace_back(Send{.to = NodeId(2),
                            .message = bytes_of(Sync{session}),
                            .attach = Attach{Position(3), Position(4), Tag(2)},
                            .after = Io()});
  effects.emplace_back(
      Send{.to = NodeId(2), .message = bytes_of(NewLeader{session, Tag(5), Position(4)}), .attach = {}, .after = Io()});
  effects.emplace_back(Persist{Io(1), {put(5, 5)}});
  effects.emplace_back(Placed{Context(1), {Position(5), Tag(5)}});
  effects.emplace_back(Send{.to = NodeId(2),
                            .message = bytes_of(Proposal{session, Position(4)}),
                            .attach = Attach{Position(5), Position(5), Tag(5)},
                            .after = Io()});
  effects.emplace_back(SendSnapshot{NodeId(3), Position(2)});
  Executor executor;
  std::vector<Effect> ready;
  executor.admit(effects, ready);
  EXPECT_EQ(ready.size(), 7U) << "the leader waits for nothing";
}

}  // namespace
}  // namespace quorate::zab
