// Random schedules over few replicas of each protocol (stories/random_schedule.h). In a build with plants QUORATE_PLANT
// names one that must be found; QUORATE_RANDOM_RUNS and QUORATE_RANDOM_SEED choose the schedules.

#include <cstdlib>
#include <memory>

#include "base/plant.h"
#include "consensus/multipaxos/laws_for_test.h"
#include "protocols/each_protocol_for_test.h"
#include "stories/random_schedule.h"

namespace quorate::protocols {
namespace {

std::uint64_t from_environment(const char* variable, std::uint64_t otherwise) {
  const char* text = std::getenv(variable);
  return text == nullptr ? otherwise : std::strtoull(text, nullptr, 10);
}

/// What only this protocol promises.
std::unique_ptr<stories::Law> law_of(const consensus::Protocol& protocol) {
  return protocol.name() == "multipaxos" ? std::make_unique<multipaxos::Laws>() : nullptr;
}

class RandomSchedules : public ::testing::TestWithParam<const consensus::Protocol*> {};
INSTANTIATE_TEST_SUITE_P(All, RandomSchedules, each_ordered(), name_of_case);

TEST_P(RandomSchedules, BreakNoInvariantAndHeal) {
#ifdef QUORATE_PLANTS
  const char* plant = std::getenv("QUORATE_PLANT");
  activate_plant(plant == nullptr ? "" : plant);
#endif
  std::size_t committed = 0;
  std::set<std::string_view> branches;
  const std::uint64_t runs = from_environment("QUORATE_RANDOM_RUNS", 120);
  const std::uint64_t first = from_environment("QUORATE_RANDOM_SEED", 1);
  for (std::uint64_t seed = first; seed < first + runs; ++seed) {
    SCOPED_TRACE("QUORATE_RANDOM_SEED=" + std::to_string(seed) + " QUORATE_RANDOM_RUNS=1");
    stories::RandomSchedule schedule(*GetParam(), seed, runs == 1);
    const std::unique_ptr<stories::Law> law = law_of(*GetParam());
    schedule.cluster().law = law.get();
    schedule.run(1800);
    const std::string unhealed = schedule.heal();
    if (runs == 1) {
      for (const stories::Happening& happening : schedule.cluster().take_happenings()) {
        std::printf("%s\n", stories::line_of(happening).c_str());
      }
    }
    ASSERT_TRUE(schedule.cluster().violations().empty()) << schedule.cluster().violations().front();
    ASSERT_TRUE(unhealed.empty()) << unhealed;
    committed += schedule.cluster().committed().size();
    branches.insert(schedule.cluster().branches().begin(), schedule.cluster().branches().end());
  }
  // Schedules in which nothing happens prove nothing.
  if (runs >= 100) {
    EXPECT_GT(committed / runs, 8U);
    EXPECT_GT(branches.size(), 35U);
  }
}

}  // namespace
}  // namespace quorate::protocols
