#include "consensus/multipaxos/wire.h"

#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "consensus/contract/message_fields.h"
#include "consensus/multipaxos/acceptor_state.h"
#include "consensus/multipaxos/ballot.h"

namespace quorate::multipaxos {
namespace {

/// One of each, every field different from its default.
std::vector<Message> one_of_each() {
  const Tag ballot = Ballot{300, 2}.tag();
  const Tag other = Ballot{7, 1}.tag();
  const Position one(130);
  const Position two(consensus::kLargestNumber);
  return {Inquiry{ballot, one},
          InquiryAnswer{ballot, other, true, true},
          Prepare{ballot, one, true},
          Promise{ballot, one, two, Position(5), true},
          PromisedRun{ballot, one, other, other},
          Refused{ballot, other},
          Accept{ballot, other, one},
          Accepted{ballot, one, two},
          Decide{ballot, one},
          LearnRequest{ballot, one, two, other},
          Learned{ballot, one, two, Position(9)},
          Confirmed{ballot, one, two, other},
          Heartbeat{ballot, 9, one, two, Position(3), true},
          HeartbeatAnswer{ballot, 9, one, two, true},
          Noted{ballot, one},
          ReadRequest{ballot, Incarnation(~0ULL), 9},
          ReadAnswer{ballot, Incarnation(4), 9, one, true},
          CampaignNow{ballot}};
}

TEST(multipaxos_wire, what_was_written_is_read_back) {
  const std::vector<Message> messages = one_of_each();
  ASSERT_EQ(messages.size(), std::variant_size_v<Message>);
  for (const Message& message : messages) {
    const Buffer bytes = encode(message);
    const std::optional<Message> read = decode(bytes.view());
    ASSERT_TRUE(read.has_value()) << message.index();
    EXPECT_EQ(read->index(), message.index());
    EXPECT_EQ(encode(*read).view(), bytes.view()) << message.index();
  }
}

TEST(multipaxos_wire, nothing_else_is_read) {
  for (const Message& message : one_of_each()) {
    const std::string bytes(encode(message).view());
    for (std::size_t size = 0; size < bytes.size(); ++size) {
      EXPECT_FALSE(decode(std::string_view(bytes).substr(0, size)).has_value()) << message.index();
    }
    EXPECT_FALSE(decode(bytes + '\0').has_value());
    EXPECT_FALSE(decode('\2' + bytes.substr(1)).has_value()) << "another version";
  }
  EXPECT_FALSE(decode(std::string("\1\0\1", 3)).has_value()) << "type 0";
  EXPECT_FALSE(decode("\1\x7f\1").has_value()) << "no such type";
  EXPECT_FALSE(decode(encode(Decide{Tag(), Position(1)}).view()).has_value()) << "no ballot";
  EXPECT_TRUE(decode(encode(InquiryAnswer{.asked = Tag(4)}).view()).has_value()) << "who has promised nothing";
  EXPECT_FALSE(decode(encode(Decide{Tag(1), Position(consensus::kLargestNumber + 1)}).view()).has_value());
}

TEST(multipaxos_ballots, are_tags_in_order_and_never_equal_for_two_nodes) {
  const Ballot ballot{7, 3};
  EXPECT_EQ(Ballot::of(ballot.tag()), ballot);
  EXPECT_LT(ballot.tag(), (Ballot{7, 4}.tag()));
  EXPECT_LT(ballot.tag(), (Ballot{8, 1}.tag()));
  EXPECT_LT((Ballot{Ballot::kMaxRound, ~0U}.tag().value()), consensus::kLargestNumber);
  EXPECT_DEATH((void)(Ballot{Ballot::kMaxRound + 1, 1}.tag()), "fits a tag");
  EXPECT_EQ(next_ballot(ballot.tag(), NodeId(2)), (Ballot{8, 2}.tag()));
  EXPECT_EQ(number_of(NodeId(5)), 5U);
  EXPECT_EQ(number_of(NodeId(0x00000001'00000004)), 5U) << "which is why a membership with both is refused";
}

TEST(multipaxos_acceptor_state, what_was_written_is_read_back_and_nothing_else) {
  const AcceptorState state{
      .promised = Ballot{3, 2}.tag(),
      .proposer = NodeId(2),
      .votes = {{Position(4), Position(9), Ballot{3, 2}.tag()}, {Position(11), Position(11), Ballot{2, 1}.tag()}}};
  const Buffer bytes = encode(state);
  EXPECT_EQ(decode_acceptor_state(bytes.view()), state);
  EXPECT_EQ(decode_acceptor_state({}), AcceptorState{});
  for (std::size_t size = 1; size < bytes.size(); ++size) {
    EXPECT_FALSE(decode_acceptor_state(bytes.view().substr(0, size)).has_value());
  }
  EXPECT_FALSE(decode_acceptor_state(std::string(bytes.view()) + "x").has_value());
  AcceptorState falling = state;
  std::swap(falling.votes[0], falling.votes[1]);
  EXPECT_FALSE(decode_acceptor_state(encode(falling).view()).has_value()) << "votes rise";
  EXPECT_EQ(decode_decided(encode_decided(Position(300)).view()), Position(300));
  EXPECT_FALSE(decode_decided({}).has_value());
}

}  // namespace
}  // namespace quorate::multipaxos
