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

Configuration with_contacts() {
  return {joint(), {{NodeId(1), "http://a:1"}, {NodeId(300), "http://b:1,http://b:2", true}}};
}

TEST(configuration_codec, reads_back_what_it_wrote) {
  EXPECT_EQ(decode_configuration(encode_configuration(with_contacts()).view()), with_contacts());
  EXPECT_EQ(decode_configuration(encode_membership(joint()).view()), (Configuration{joint(), {}}));
}

TEST(configuration_codec, refuses_every_prefix_and_trailing_bytes) {
  const std::string whole(encode_configuration(with_contacts()).view());
  for (std::size_t size = 0; size < whole.size(); ++size) {
    EXPECT_FALSE(decode_configuration(whole.substr(0, size))) << size;
  }
  EXPECT_FALSE(decode_configuration(whole + '\0'));
}

TEST(configuration_codec, refuses_what_it_would_not_write) {
  const std::string head("\2\1\2\0\0", 5);
  EXPECT_TRUE(decode_configuration(head + std::string("\1\2\0\1u", 5)));
  EXPECT_FALSE(decode_configuration(head + std::string("\0", 1)));                // version 2 without contacts
  EXPECT_FALSE(decode_configuration(head + std::string("\1\2\0\0", 4)));          // no urls
  EXPECT_FALSE(decode_configuration(head + std::string("\1\2\0\1\n", 5)));        // not printable
  EXPECT_FALSE(decode_configuration(head + std::string("\2\2\0\1u\2\0\1u", 9)));  // repeated
  EXPECT_FALSE(decode_configuration(head + std::string("\1\2\0\xFF\x7Fu", 6)));   // a length that no bytes justify
}

TEST(contact, is_kept_as_text) {
  for (const Contact& contact : with_contacts().contacts) {
    EXPECT_EQ(contact_from_text(contact.node, contact_text(contact)), contact);
  }
  EXPECT_EQ(contact_text(with_contacts().contacts[1]), "http://b:1,http://b:2 joins");
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
