#include "stories/lanes.h"

#include <gtest/gtest.h>

namespace quorate::stories {
namespace {

using Kind = Happening::Kind;

class LanesTest : public ::testing::Test {
 protected:
  static Happening happening(Kind kind, std::uint64_t node, std::uint64_t other = 0, std::string text = "word") {
    return {.kind = kind, .node = NodeId(node), .other = NodeId(other), .text = std::move(text)};
  }
  static Happening role(std::uint64_t node, consensus::Role role) {
    return {.kind = Kind::role, .node = NodeId(node), .role = role, .text = std::string(name_of(role))};
  }
  std::string drawn(const Happening& happening) {
    lines_.clear();
    lanes_.draw(happening);
    lanes_.flush();
    return lines_.empty() ? "" : lines_.back();
  }
  void start_all() {
    for (const std::uint64_t node : {1, 2, 3}) {
      lanes_.note(happening(Kind::began, node));
    }
  }

  std::vector<std::string> lines_;
  Lanes lanes_{{NodeId(1), NodeId(2), NodeId(3)}, [this](std::string_view line) { lines_.emplace_back(line); }};
};

TEST_F(LanesTest, ALaneShowsTheRoleAndNothingWhileTheNodeIsDown) {
  EXPECT_EQ(drawn(happening(Kind::branched, 2)), "                  n2   word");
  start_all();
  lanes_.note(role(1, consensus::Role::leader));
  lanes_.note(role(3, consensus::Role::learner));
  EXPECT_EQ(drawn(happening(Kind::branched, 2)), "#     |     :     n2   word");
  EXPECT_EQ(drawn(role(2, consensus::Role::candidate)), "#     !     :     n2 candidate");
  EXPECT_EQ(drawn(happening(Kind::ended, 1)), "*     !     :     n1 word");
  EXPECT_EQ(drawn(happening(Kind::branched, 2)), "      !     :     n2   word");
}

TEST_F(LanesTest, ArrowsCrossTheLanesBetween) {
  start_all();
  EXPECT_EQ(drawn(happening(Kind::arrived, 3, 1)), "o-----+----->     n3 gets from n1: word");
  EXPECT_EQ(drawn(happening(Kind::arrived, 1, 3)), "<-----+-----o     n1 gets from n3: word");
  EXPECT_EQ(drawn(happening(Kind::lost, 1, 2)), "o-----x     |     n1 -> n2: word");
  lanes_.note(happening(Kind::ended, 2));
  EXPECT_EQ(drawn(happening(Kind::missed, 2, 1, "is down")), "o-----x     |     n2 is down");
}

TEST_F(LanesTest, WhatIsSentToSeveralAtOnceIsOneLine) {
  start_all();
  lanes_.draw(happening(Kind::sent, 1, 2));
  lanes_.draw(happening(Kind::sent, 1, 3));
  EXPECT_TRUE(lines_.empty());
  lanes_.draw(happening(Kind::sent, 1, 2, "other"));
  ASSERT_EQ(lines_.size(), 1U);
  EXPECT_EQ(lines_[0], "o     |     |     n1 -> n2 n3: word");
  lanes_.flush();
  EXPECT_EQ(lines_.back(), "o     |     |     n1 -> n2: other");
}

TEST_F(LanesTest, NobodysHappeningsAndUnknownNodesDrawNoMark) {
  start_all();
  EXPECT_EQ(drawn(happening(Kind::said, 0, 0, "the network heals")), "|     |     |     the network heals");
  EXPECT_EQ(drawn(happening(Kind::said, 9)), "|     |     |     n9 word");
}

}  // namespace
}  // namespace quorate::stories
