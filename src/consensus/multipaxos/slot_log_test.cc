#include "consensus/multipaxos/slot_log.h"

#include <map>

#include <gtest/gtest.h>

namespace quorate::multipaxos {
namespace {

Position at(std::uint64_t position) { return Position(position); }

TEST(multipaxos_tag_runs, are_merged_cut_and_found) {
  TagRuns runs;
  runs.set(at(3), at(5), Tag(1));
  runs.set(at(6), at(8), Tag(1));
  EXPECT_EQ(runs.runs().size(), 1U) << "a log in peace is one run";
  runs.set(at(5), at(6), Tag(2));
  ASSERT_EQ(runs.runs().size(), 3U);
  EXPECT_EQ(runs.at(at(4)), Tag(1));
  EXPECT_EQ(runs.at(at(5)), Tag(2));
  EXPECT_EQ(runs.at(at(8)), Tag(1));
  EXPECT_FALSE(runs.at(at(9)).has_value());
  runs.set(at(11), at(12), Tag(2));
  EXPECT_EQ(runs.end_from(at(3)), at(8));
  EXPECT_EQ(runs.end_from(at(9)), at(8));
  EXPECT_EQ(runs.end_from(at(11)), at(12));
  EXPECT_EQ(runs.run_from(at(9))->first, at(11));
  EXPECT_EQ(runs.run_from(at(13)), nullptr);
  runs.set(at(9), at(10), Tag(2));
  EXPECT_EQ(runs.end_from(at(3)), at(12));
  runs.erase_up_to(at(5));
  EXPECT_EQ(runs.runs().front(), (TagRuns::Run{at(6), at(6), Tag(2)}));
}

/// The same as a map of single slots, whatever is set in whatever order.
TEST(multipaxos_tag_runs, are_what_was_set_last) {
  TagRuns runs;
  std::map<std::uint64_t, std::uint64_t> model;
  std::uint64_t dice = 1;
  const auto roll = [&dice](std::uint64_t sides) {
    dice = dice * 6364136223846793005ULL + 1442695040888963407ULL;
    return (dice >> 33) % sides;
  };
  for (int i = 0; i < 3000; ++i) {
    const std::uint64_t first = 1 + roll(40);
    const std::uint64_t last = first + roll(6);
    const std::uint64_t tag = 1 + roll(3);
    if (roll(50) == 0) {
      runs.erase_up_to(at(first));
      model.erase(model.begin(), model.upper_bound(first));
    } else {
      runs.set(at(first), at(last), Tag(tag));
      for (std::uint64_t slot = first; slot <= last; ++slot) {
        model[slot] = tag;
      }
    }
    for (std::uint64_t slot = 1; slot < 50; ++slot) {
      const auto known = model.find(slot);
      ASSERT_EQ(runs.at(at(slot)), known == model.end() ? std::nullopt : std::optional(Tag(known->second))) << slot;
    }
    for (std::size_t j = 1; j < runs.runs().size(); ++j) {
      const TagRuns::Run& left = runs.runs()[j - 1];
      const TagRuns::Run& right = runs.runs()[j];
      ASSERT_TRUE(left.last < right.first && (left.tag != right.tag || left.last.next() != right.first));
    }
  }
}

TEST(multipaxos_slot_log, keeps_values_and_votes_apart) {
  SlotLog log(EntryId{at(2), Tag(1)});
  EXPECT_EQ(log.last(), at(2));
  EXPECT_TRUE(log.has({at(2), Tag(1)}));
  log.put(at(3), at(6), Tag(1));
  log.put(at(8), at(8), Tag(2));
  EXPECT_EQ(log.last(), at(8));
  EXPECT_EQ(log.end_from(at(3)), at(6));
  log.vote(at(5), at(8), Tag(3));
  EXPECT_EQ(log.tag_at(at(5)), Tag(1));
  EXPECT_EQ(log.accepted_at(at(5)), Tag(3));
  EXPECT_EQ(log.accepted_at(at(4)), Tag(1));
  EXPECT_TRUE(log.accepted_at(at(7)).is_none()) << "a vote without a value is none";
  EXPECT_EQ(log.accepted_until(at(3), Tag(1)), at(4));
  EXPECT_EQ(log.accepted_until(at(5), Tag(3)), at(6));
  EXPECT_EQ(log.accepted_until(at(3), Tag(3)), at(2));
  const auto segment = log.segment_from(at(4));
  ASSERT_TRUE(segment.has_value());
  EXPECT_EQ(segment->first, at(4));
  EXPECT_EQ(segment->last, at(4));
  EXPECT_EQ(log.segment_from(at(7))->first, at(8));
  log.put(at(5), at(5), Tag(4));
  EXPECT_EQ(log.accepted_at(at(5)), Tag(4)) << "a later value than the vote";
  log.discard_below({at(6), Tag(1)});
  EXPECT_EQ(log.last(), at(8));
  EXPECT_EQ(log.accepted_at(at(8)), Tag(3)) << "what stands behind a snapshot stays (P-10)";
  EXPECT_FALSE(log.tag_at(at(5)).has_value());
}

}  // namespace
}  // namespace quorate::multipaxos
