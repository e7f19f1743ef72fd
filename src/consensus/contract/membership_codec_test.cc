#include "consensus/contract/membership_codec.h"

#include <string>

#include <gtest/gtest.h>

namespace quorate::consensus {
namespace {

Membership joint() {
  return {.voters = {NodeId(1), NodeId(2), NodeId(300)},
          .outgoing_voters = {NodeId(2), NodeId(0xFFFFFFFFFFFFFFFF)},
          .learners = {NodeId(9)}};
}

TEST(membership_codec, reads_back_what_it_wrote) {
  EXPECT_EQ(decode_membership(encode_membership(joint()).view()), joint());
  EXPECT_EQ(decode_membership(encode_membership({}).view()), Membership{});
}

TEST(membership_codec, refuses_every_prefix_and_trailing_bytes) {
  const std::string whole(encode_membership(joint()).view());
  for (std::size_t size = 0; size < whole.size(); ++size) {
    EXPECT_FALSE(decode_membership(whole.substr(0, size))) << size;
  }
  EXPECT_FALSE(decode_membership(whole + '\0'));
}

TEST(membership_codec, refuses_what_it_would_not_write) {
  EXPECT_TRUE(decode_membership(std::string("\1\2\1\2\0\0", 6)));
  EXPECT_FALSE(decode_membership(std::string("\2\2\1\2\0\0", 6)));        // another version
  EXPECT_FALSE(decode_membership(std::string("\1\2\2\1\0\0", 6)));        // falling
  EXPECT_FALSE(decode_membership(std::string("\1\2\1\1\0\0", 6)));        // repeated
  EXPECT_FALSE(decode_membership(std::string("\1\1\0\0\0", 5)));          // node none
  EXPECT_FALSE(decode_membership(std::string("\1\xFF\xFF\xFF\x7F", 5)));  // a count that no bytes justify
}

TEST(membership, knows_its_nodes) {
  EXPECT_TRUE(joint().is_joint());
  EXPECT_TRUE(joint().is_voter(NodeId(2)));
  EXPECT_TRUE(joint().is_voter(NodeId(0xFFFFFFFFFFFFFFFF)));
  EXPECT_FALSE(joint().is_voter(NodeId(9)));
  EXPECT_TRUE(joint().contains(NodeId(9)));
  EXPECT_FALSE(joint().contains(NodeId(8)));
  EXPECT_EQ(joint().all_nodes().size(), 5U);
}

}  // namespace
}  // namespace quorate::consensus
