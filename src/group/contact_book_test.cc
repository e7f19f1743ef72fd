#include "group/contact_book.h"

#include <gtest/gtest.h>

namespace quorate::group {
namespace {

TEST(contact_book, tells_news_from_what_it_knew) {
  ContactBook book;
  EXPECT_TRUE(book.learn({NodeId(2), "http://b:1"}));
  EXPECT_FALSE(book.learn({NodeId(2), "http://b:1"}));
  EXPECT_TRUE(book.learn({NodeId(1), "http://a:1"}));
  EXPECT_TRUE(book.learn({NodeId(2), "http://b:2"}));
  EXPECT_EQ(book.all(), (std::vector<consensus::Contact>{{NodeId(1), "http://a:1"}, {NodeId(2), "http://b:2"}}));
  book.forget(NodeId(1));
  EXPECT_EQ(book.all().size(), 1U);
}

TEST(contact_book, an_address_is_host_and_port_of_the_first_url) {
  EXPECT_EQ(address_of({NodeId(1), "http://a:1,http://b:2"}), "a:1");
  EXPECT_EQ(address_of({NodeId(1), "[::1]:80"}), "[::1]:80");
}

TEST(members_answer, reads_back_what_it_wrote) {
  MembersAnswer answer{ClusterId(0xC1),
                       {.membership = {.voters = {NodeId(1)}, .outgoing_voters = {}, .learners = {NodeId(2)}},
                        .contacts = {{NodeId(1), "http://a:1"}, {NodeId(2), "http://b:1"}}}};
  const std::size_t plain = encode_members_answer(answer).size();
  for (const quorum::PhaseSizes sizes : {quorum::PhaseSizes{}, quorum::PhaseSizes{4, 2}, quorum::PhaseSizes{0, 300}}) {
    answer.quorum_sizes = sizes;
    const Buffer bytes = encode_members_answer(answer);
    EXPECT_EQ(bytes.size(), plain + (sizes.are_majorities() ? 0 : 9)) << "as before there were sizes";
    const auto read = decode_members_answer(bytes.view());
    ASSERT_TRUE(read.has_value());
    EXPECT_EQ(read->cluster, answer.cluster);
    EXPECT_EQ(read->configuration, answer.configuration);
    EXPECT_EQ(read->quorum_sizes, sizes);
    for (std::size_t size = 0; size < bytes.size(); ++size) {
      EXPECT_FALSE(decode_members_answer(bytes.view().substr(0, size))) << size;
    }
  }
}

}  // namespace
}  // namespace quorate::group
