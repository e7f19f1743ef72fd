#include "consensus/raft/wire.h"

#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "consensus/contract/message_fields.h"
#include "consensus/raft/hard_state.h"

namespace quorate::raft {
namespace {

/// One of each, every field different from its default.
std::vector<Message> one_of_each() {
  const Tag term(300);
  const EntryId id{Position(70000), Tag(299)};
  return {PreVoteRequest{term, id},
          PreVoteResponse{term, Tag(301), true, true},
          VoteRequest{term, id, true},
          VoteResponse{term, true, true},
          Append{term, id, Position(69999)},
          AppendAccepted{term, Position(consensus::kLargestNumber)},
          AppendRejected{term, Position(5), id},
          Heartbeat{term, 9, Position(8), Position(7), true},
          HeartbeatResponse{term, 9, Position(8), true},
          CommitNotice{term, Position(4)},
          ReadRequest{term, Incarnation(0xFFFFFFFFFFFFFFFF), 3},
          ReadResponse{term, Incarnation(0xFFFFFFFFFFFFFFFF), 3, Position(2), true},
          TimeoutNow{term}};
}

TEST(raft_wire, reads_back_every_message) {
  const std::vector<Message> messages = one_of_each();
  ASSERT_EQ(messages.size(), std::variant_size_v<Message>);
  for (std::size_t i = 0; i < messages.size(); ++i) {
    ASSERT_EQ(messages[i].index(), i) << "one of each, in order";
    const Buffer bytes = encode(messages[i]);
    const std::optional<Message> decoded = decode(bytes.view());
    ASSERT_TRUE(decoded.has_value()) << i;
    EXPECT_EQ(decoded->index(), i);
    EXPECT_EQ(encode(*decoded), bytes) << i;
  }
}

TEST(raft_wire, the_bytes_are_these) {
  EXPECT_EQ(encode(TimeoutNow{Tag(300)}).view(), std::string("\1\15\xAC\2", 4));
  EXPECT_EQ(encode(Append{Tag(2), {Position(1), Tag(1)}, Position(1)}).view(), std::string("\1\5\2\1\1\1", 6));
}

TEST(raft_wire, refuses_prefixes_and_trailing_bytes) {
  for (const Message& message : one_of_each()) {
    const std::string whole(encode(message).view());
    for (std::size_t size = 0; size < whole.size(); ++size) {
      EXPECT_FALSE(decode(whole.substr(0, size))) << message.index() << " cut to " << size;
    }
    EXPECT_FALSE(decode(whole + '\0')) << message.index();
  }
}

TEST(raft_wire, refuses_what_no_replica_sends) {
  EXPECT_FALSE(decode(std::string("\2\15\1", 3)));                                       // another version
  EXPECT_FALSE(decode(std::string("\1\0\1", 3)));                                        // no such type
  EXPECT_FALSE(decode(std::string("\1\16\1", 3)));                                       // no such type
  EXPECT_FALSE(decode(std::string("\1\15\0", 3)));                                       // no term
  EXPECT_FALSE(decode(std::string("\1\4\1\2\0", 5)));                                    // a flag of 2
  EXPECT_FALSE(decode(std::string("\1\15\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\1", 12)));  // no plausible term
}

// Every byte of every message replaced by every value: nothing but a message or a refusal.
TEST(raft_wire, any_changed_byte_is_a_message_or_refused) {
  for (const Message& message : one_of_each()) {
    std::string bytes(encode(message).view());
    for (char& byte : bytes) {
      const char right = byte;
      for (int value = 0; value < 256; ++value) {
        byte = static_cast<char>(value);
        if (const std::optional<Message> decoded = decode(bytes)) {
          EXPECT_LE(encode(*decoded).size(), bytes.size());
        }
      }
      byte = right;
    }
  }
}

TEST(raft_hard_state, reads_back_and_refuses) {
  const HardState state{Tag(7), NodeId(0xFFFFFFFFFFFFFFFF)};
  EXPECT_EQ(decode_hard_state(encode(state).view()), state);
  EXPECT_EQ(decode_hard_state({}), HardState{});
  const std::string whole(encode(state).view());
  EXPECT_FALSE(decode_hard_state(whole.substr(0, whole.size() - 1)));
  EXPECT_FALSE(decode_hard_state(whole + "x"));
  EXPECT_FALSE(decode_hard_state("\2\1\1"));
}

}  // namespace
}  // namespace quorate::raft
