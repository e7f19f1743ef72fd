// Random schedules over few replicas of each protocol without a log (stories/cell_schedule.h).

#include <memory>

#include "consensus/paxos/laws_for_test.h"
#include "protocols/each_protocol_for_test.h"
#include "protocols/random_runs_for_test.h"
#include "stories/cell_schedule.h"

namespace quorate::protocols {
namespace {

class RandomCells : public ::testing::TestWithParam<const consensus::Protocol*> {};
INSTANTIATE_TEST_SUITE_P(All, RandomCells, each_of_cells(), name_of_case);

void play(const consensus::Protocol& protocol, stories::Quorums quorums) {
  std::size_t decided = 0;
  std::set<std::string_view> branches;
  const RandomRuns runs = choose_runs(300);
  for (std::uint64_t seed = runs.first; seed < runs.first + runs.count; ++seed) {
    SCOPED_TRACE(RandomRuns::command(seed));
    stories::CellSchedule schedule(protocol, seed, runs.are_told(), quorums);
    paxos::Laws law;
    schedule.cluster().law = &law;
    schedule.run(1200);
    const std::string unhealed = schedule.heal();
    if (runs.are_told()) {
      tell(schedule.cluster());
    }
    ASSERT_TRUE(schedule.cluster().violations().empty()) << schedule.cluster().violations().front();
    ASSERT_TRUE(unhealed.empty()) << unhealed;
    decided += schedule.cluster().decided().size();
    branches.insert(schedule.cluster().branches().begin(), schedule.cluster().branches().end());
  }
  // Schedules in which nothing happens prove nothing.
  if (runs.count >= 100) {
    EXPECT_GT(decided, 2U * runs.count);
    for (const std::string_view branch : protocol.branches) {
      EXPECT_TRUE(branches.contains(branch)) << "no schedule reaches " << branch;
    }
  }
}

TEST_P(RandomCells, AreDecidedOnceAndHeal) { play(*GetParam(), stories::Quorums::majorities); }

TEST_P(RandomCells, AreDecidedOnceByQuorumsOfAnySize) { play(*GetParam(), stories::Quorums::any_that_fit); }

}  // namespace
}  // namespace quorate::protocols
