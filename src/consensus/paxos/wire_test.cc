#include "consensus/paxos/wire.h"

#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "consensus/paxos/cell.h"
#include "consensus/paxos/words.h"

namespace quorate::paxos {
namespace {

constexpr Ballot kBallot{300, NodeId(2), Incarnation(~0ULL)};
constexpr Ballot kOther{7, NodeId(1), Incarnation(3)};

/// One of each, every field different from its default.
std::vector<Message> one_of_each() {
  return {Prepare{"cell", kBallot},
          Promise{"cell", kBallot, kOther, "value"},
          Accept{"cell", kBallot, "value"},
          Accepted{"cell", kBallot},
          Refused{"cell", kOther, kBallot},
          Decided{"cell", "value"},
          Survey{kBallot, "after"},
          SurveyAnswer{kBallot, "after", true, true, {{"a", kOther, "x", false}, {"b", Ballot(), "", true}}}};
}

TEST(paxos_wire, what_was_written_is_read_back) {
  const std::vector<Message> messages = one_of_each();
  ASSERT_EQ(messages.size(), std::variant_size_v<Message>);
  for (const Message& message : messages) {
    const Buffer bytes = encode(message);
    const std::optional<Message> read = decode(bytes.view());
    ASSERT_TRUE(read.has_value()) << message.index();
    EXPECT_EQ(read->index(), message.index());
    EXPECT_EQ(encode(*read).view(), bytes.view()) << message.index();
    EXPECT_NE(message_words(bytes.view()), "(no message)");
  }
  const Buffer promise = encode(Promise{"cell", kBallot, kOther, "value"});
  const Promise read = std::get<Promise>(*decode(promise.view()));
  EXPECT_EQ(read.ballot, kBallot);
  EXPECT_EQ(read.accepted, kOther);
  EXPECT_EQ(read.value, "value");
}

TEST(paxos_wire, nothing_else_is_read) {
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
  EXPECT_FALSE(decode(encode(Prepare{"", kBallot}).view()).has_value()) << "no cell";
  EXPECT_FALSE(decode(encode(Prepare{"cell", Ballot()}).view()).has_value()) << "no ballot";
  EXPECT_FALSE(decode(encode(Prepare{"cell", {Ballot::kMaxRound, NodeId(1), Incarnation(1)}}).view()).has_value())
      << "no round could follow";
  EXPECT_TRUE(decode(encode(Promise{"cell", kBallot, Ballot(), ""}).view()).has_value()) << "nothing accepted";
  EXPECT_FALSE(decode(encode(Promise{"cell", kBallot, {0, NodeId(1), Incarnation()}, ""}).view()).has_value());
  EXPECT_TRUE(decode(encode(Refused{"", kOther, kBallot}).view()).has_value()) << "a survey is refused";
  EXPECT_FALSE(decode(encode(Prepare{std::string(kMaxCellBytes + 1, 'c'), kBallot}).view()).has_value());
  EXPECT_FALSE(decode(encode(Decided{"cell", std::string(kMaxValueBytes + 1, 'v')}).view()).has_value());
}

TEST(paxos_ballots, are_in_order_and_never_equal_for_two_nodes_or_lives) {
  EXPECT_LT(kOther, kBallot) << "the round counts first, whoever was started more often";
  EXPECT_LT((Ballot{7, NodeId(1), Incarnation(9)}), (Ballot{7, NodeId(2), Incarnation(1)}));
  EXPECT_LT((Ballot{7, NodeId(1), Incarnation(1)}), (Ballot{7, NodeId(1), Incarnation(2)}));
  EXPECT_TRUE(Ballot().is_none());
  EXPECT_LT(Ballot(), kOther);
  EXPECT_LT(kOther.tag(), kBallot.tag());
}

TEST(paxos_cell, what_was_written_is_read_back_and_nothing_else) {
  const AcceptorCell cell{kBallot, kOther, Buffer::copy_of("value"), false};
  const Buffer bytes = encode(cell);
  EXPECT_EQ(decode_cell(bytes), cell);
  const AcceptorCell decided{kBallot, Ballot(), Buffer::copy_of("value"), true};
  EXPECT_EQ(decode_cell(encode(decided)), decided);
  EXPECT_EQ(decode_cell(encode(AcceptorCell{})), AcceptorCell{});
  for (std::size_t size = 0; size + cell.value.size() < bytes.size(); ++size) {
    EXPECT_FALSE(decode_cell(bytes.slice(0, size)).has_value()) << size;
  }
  EXPECT_FALSE(decode_cell(encode(AcceptorCell{kBallot, Ballot(), Buffer::copy_of("value"), false})).has_value())
      << "a value that nobody proposed";
  EXPECT_EQ(decode_floor(encode_floor(kBallot).view()), kBallot);
  EXPECT_EQ(decode_floor({}), Ballot());
  EXPECT_FALSE(decode_floor(std::string(encode_floor(kBallot).view()) + "x").has_value());
}

TEST(paxos_words, state_can_be_written_by_a_story) {
  EXPECT_EQ(state_words({}), "promised nothing in all cells");
  EXPECT_EQ(state_words(state_of_words("promised 3.n2 in all cells")->view()), "promised 3.n2 in all cells");
  EXPECT_EQ(state_of_words("promised nothing in all cells"), Buffer());
  EXPECT_FALSE(state_of_words("promised 3 in all cells").has_value());
  EXPECT_FALSE(state_of_words("").has_value());
  EXPECT_EQ(cell_words("k", "?"), "k: (no cell)");
}

}  // namespace
}  // namespace quorate::paxos
