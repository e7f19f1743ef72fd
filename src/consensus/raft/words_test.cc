#include "consensus/raft/words.h"

#include <gtest/gtest.h>

#include "consensus/raft/hard_state.h"

namespace quorate::raft {
namespace {

TEST(words, tell_term_and_vote_and_take_them_back) {
  EXPECT_EQ(state_words({}), "term 0 vote none") << "a new replica's";
  for (const HardState& state :
       {HardState{}, HardState{.term = Tag(2)}, HardState{.term = Tag(12), .vote = NodeId(3)}}) {
    const Buffer blob = encode(state);
    const std::optional<Buffer> again = state_of_words(state_words(blob.view()));
    ASSERT_TRUE(again.has_value());
    EXPECT_EQ(decode_hard_state(again->view()), state);
  }
  EXPECT_EQ(decode_hard_state(state_of_words("term 4")->view()), HardState{.term = Tag(4)});
  for (const char* text : {"", "term", "term x", "vote n1", "term 2 vote", "term 2 vote 3", "term 2 vote n3 "}) {
    EXPECT_FALSE(state_of_words(text).has_value()) << text;
  }
}

}  // namespace
}  // namespace quorate::raft
