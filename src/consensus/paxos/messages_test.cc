// The main transitions of README.md, built as effects: the contract can say what Paxos needs.

#include "consensus/paxos/messages.h"

#include <gtest/gtest.h>

#include "consensus/contract/effect.h"
#include "consensus/contract/executor.h"

namespace quorate::paxos {
namespace {

using namespace consensus;  // NOLINT(google-build-using-namespace)

/// Stands for the codec that the core will have.
template <class Anything>
Buffer bytes_of(const Anything& /*anything*/) {
  return Buffer::copy_of("bytes");
}

TEST(paxos_messages, ballots_are_ordered_and_name_their_proposer) {
  const Ballot first{Incarnation(1), 7, NodeId(2)};
  EXPECT_LT(first, (Ballot{Incarnation(1), 7, NodeId(3)}));
  EXPECT_LT(first, (Ballot{Incarnation(1), 8, NodeId(1)}));
  EXPECT_LT(first, (Ballot{Incarnation(2), 1, NodeId(1)})) << "a later life";
}

TEST(paxos_messages, a_promise_leaves_after_its_cell_is_durable) {
  const Buffer cell = Buffer::copy_of("register/1");
  const Ballot ballot{Incarnation(1), 1, NodeId(1)};
  std::vector<Effect> effects;
  effects.emplace_back(Persist{Io(1), {SetCell{cell, bytes_of(AcceptorCell{.promised = ballot})}}});
  effects.emplace_back(Send{.to = NodeId(1), .message = bytes_of(Message(Promise{cell, ballot, {}})), .after = Io(1)});

  Executor executor;
  std::vector<Effect> ready;
  executor.admit(effects, ready);
  ASSERT_EQ(ready.size(), 1U);
  EXPECT_TRUE(std::holds_alternative<Persist>(ready.front()));
  ready.clear();
  executor.confirm(Io(1), ready);
  ASSERT_EQ(ready.size(), 1U);
  EXPECT_TRUE(std::holds_alternative<Send>(ready.front()));
}

TEST(paxos_messages, a_proposer_asks_all_while_its_own_disk_works) {
  const Buffer cell = Buffer::copy_of("register/1");
  const Buffer value = Buffer::copy_of("x");
  const Ballot ballot{Incarnation(1), 1, NodeId(1)};
  std::vector<Effect> effects;
  effects.emplace_back(Persist{Io(1), {SetCell{cell, bytes_of(AcceptorCell{ballot, Accepted{ballot, value}, false})}}});
  effects.emplace_back(Send{.to = NodeId(2), .message = bytes_of(Message(Accept{cell, ballot, value})), .after = Io()});
  effects.emplace_back(Chosen{cell, value});
  effects.emplace_back(ServeRead{Context(1), Position()});
  Executor executor;
  std::vector<Effect> ready;
  executor.admit(effects, ready);
  EXPECT_EQ(ready.size(), 4U) << "nothing waits";
}

TEST(paxos_messages, proposals_and_reads_name_a_cell) {
  const Proposal proposal{Context(1), Buffer::copy_of("x"), Buffer::copy_of("register/1")};
  const Read read{Context(2), Buffer::copy_of("register/1")};
  EXPECT_EQ(proposal.cell, read.cell);
}

}  // namespace
}  // namespace quorate::paxos
