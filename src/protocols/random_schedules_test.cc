// Random schedules over few replicas of each protocol (stories/random_schedule.h).

#include <memory>

#include "consensus/multipaxos/laws_for_test.h"
#include "protocols/each_protocol_for_test.h"
#include "protocols/random_runs_for_test.h"
#include "stories/random_schedule.h"

namespace quorate::protocols {
namespace {

/// What only this protocol promises.
std::unique_ptr<stories::Law> law_of(const consensus::Protocol& protocol) {
  return protocol.name() == "multipaxos" ? std::make_unique<multipaxos::Laws>() : nullptr;
}

class RandomSchedules : public ::testing::TestWithParam<const consensus::Protocol*> {};
INSTANTIATE_TEST_SUITE_P(All, RandomSchedules, each_ordered(), name_of_case);

/// Plays so many schedules, which are to commit so much on the average.
void play(const consensus::Protocol& protocol, stories::Quorums quorums, std::uint64_t count,
          std::size_t least_committed) {
  std::size_t committed = 0;
  std::set<std::string_view> branches;
  const RandomRuns runs = choose_runs(count);
  for (std::uint64_t seed = runs.first; seed < runs.first + runs.count; ++seed) {
    SCOPED_TRACE(RandomRuns::command(seed));
    stories::RandomSchedule schedule(protocol, seed, runs.are_told(), quorums);
    const std::unique_ptr<stories::Law> law = law_of(protocol);
    schedule.cluster().law = law.get();
    schedule.run(1800);
    const std::string unhealed = schedule.heal();
    if (runs.are_told()) {
      tell(schedule.cluster());
    }
    ASSERT_TRUE(schedule.cluster().violations().empty()) << schedule.cluster().violations().front();
    ASSERT_TRUE(unhealed.empty()) << unhealed;
    committed += schedule.cluster().committed().size();
    branches.insert(schedule.cluster().branches().begin(), schedule.cluster().branches().end());
  }
  // Schedules in which nothing happens prove nothing.
  if (runs.count >= 100) {
    EXPECT_GT(committed / runs.count, least_committed);
    EXPECT_GT(branches.size(), 35U);
  }
}

TEST_P(RandomSchedules, BreakNoInvariantAndHeal) { play(*GetParam(), stories::Quorums::majorities, 120, 8); }

TEST_P(RandomSchedules, BreakNoInvariantWithQuorumsOfAnySize) {
  if (!GetParam()->takes_quorum_sizes()) {
    GTEST_SKIP() << "its quorums are majorities";
  }
  play(*GetParam(), stories::Quorums::any_that_fit, 120, 5);
}

}  // namespace
}  // namespace quorate::protocols
