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

TEST_P(RandomSchedules, BreakNoInvariantAndHeal) {
  std::size_t committed = 0;
  std::set<std::string_view> branches;
  const RandomRuns runs = choose_runs(120);
  for (std::uint64_t seed = runs.first; seed < runs.first + runs.count; ++seed) {
    SCOPED_TRACE(RandomRuns::command(seed));
    stories::RandomSchedule schedule(*GetParam(), seed, runs.are_told());
    const std::unique_ptr<stories::Law> law = law_of(*GetParam());
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
    EXPECT_GT(committed / runs.count, 8U);
    EXPECT_GT(branches.size(), 35U);
  }
}

}  // namespace
}  // namespace quorate::protocols
