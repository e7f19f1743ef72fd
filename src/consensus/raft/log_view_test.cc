#include "consensus/raft/log_view.h"

#include <vector>

#include <gtest/gtest.h>

namespace quorate::raft {
namespace {

LogView make(std::initializer_list<std::uint64_t> tags, EntryId discarded = {}) {
  LogView log(discarded);
  for (const std::uint64_t tag : tags) {
    log.append(Tag(tag));
  }
  return log;
}

std::vector<std::uint64_t> tags(const LogView& log) {
  std::vector<std::uint64_t> result;
  for (Position at = log.discarded().position.next(); at <= log.last_position(); at = at.next()) {
    result.push_back(log.tag_at(at).value_or(Tag()).value());
  }
  return result;
}

using Tags = std::vector<std::uint64_t>;

TEST(log_view, knows_tags_by_position) {
  const LogView log = make({1, 1, 3, 3, 3, 4});
  EXPECT_EQ(tags(log), (Tags{1, 1, 3, 3, 3, 4}));
  EXPECT_EQ(log.run_count(), 3U);
  EXPECT_EQ(log.tag_at(Position(0)), Tag(0));
  EXPECT_FALSE(log.tag_at(Position(7)));
  EXPECT_EQ(log.last(), (EntryId{Position(6), Tag(4)}));
  EXPECT_EQ(LogView().last(), EntryId{});
}

TEST(log_view, truncates) {
  LogView log = make({1, 1, 3, 3, 4});
  log.truncate_from(Position(4));
  EXPECT_EQ(tags(log), (Tags{1, 1, 3}));
  log.truncate_from(Position(9));
  EXPECT_EQ(tags(log), (Tags{1, 1, 3}));
  log.append(Tag(5), 2);
  EXPECT_EQ(tags(log), (Tags{1, 1, 3, 5, 5}));
  log.truncate_from(Position(1));
  EXPECT_EQ(log.last(), EntryId{});
}

TEST(log_view, discards_at_every_position) {
  const Tags all = {1, 1, 3, 3, 3, 4};
  for (std::uint64_t position = 1; position <= all.size(); ++position) {
    LogView log = make({1, 1, 3, 3, 3, 4});
    const EntryId id{Position(position), Tag(all[position - 1])};
    log.discard_below(id);
    EXPECT_EQ(log.discarded(), id);
    EXPECT_EQ(tags(log), Tags(all.begin() + static_cast<std::ptrdiff_t>(position), all.end())) << position;
    EXPECT_EQ(log.tag_at(id.position), id.tag);
    EXPECT_FALSE(log.tag_at(id.position.previous()));
    EXPECT_EQ(log.last(), (EntryId{Position(6), Tag(4)}));
    log.append(Tag(4));
    EXPECT_EQ(log.last(), (EntryId{Position(7), Tag(4)})) << position;
    EXPECT_EQ(log.tag_at(Position(7)), Tag(4));
  }
}

TEST(log_view, finds_where_logs_can_agree) {
  const LogView log = make({1, 1, 3, 3, 5});
  EXPECT_EQ(log.last_at_or_below(Position(9), Tag(9)), (EntryId{Position(5), Tag(5)}));
  EXPECT_EQ(log.last_at_or_below(Position(4), Tag(9)), (EntryId{Position(4), Tag(3)}));
  EXPECT_EQ(log.last_at_or_below(Position(5), Tag(4)), (EntryId{Position(4), Tag(3)}));
  EXPECT_EQ(log.last_at_or_below(Position(5), Tag(2)), (EntryId{Position(2), Tag(1)}));
  EXPECT_EQ(log.last_at_or_below(Position(5), Tag(0)), EntryId{});
  EXPECT_EQ(log.last_at_or_below(Position(0), Tag(9)), EntryId{});
  LogView cut = log;
  cut.discard_below({Position(2), Tag(1)});
  EXPECT_EQ(cut.last_at_or_below(Position(1), Tag(9)), (EntryId{Position(2), Tag(1)}));
  EXPECT_EQ(cut.last_at_or_below(Position(5), Tag(2)), (EntryId{Position(2), Tag(1)}));
}

TEST(log_view, broken_promises_stop_the_process) {
  LogView log = make({3});
  EXPECT_DEATH(log.append(Tag(2)), "never fall");
  EXPECT_DEATH(log.discard_below({Position(1), Tag(1)}), "only what the log has");
  EXPECT_DEATH(log.truncate_from(Position(0)), "cannot be cut off");
}

}  // namespace
}  // namespace quorate::raft
