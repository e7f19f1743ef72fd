// Shrinking against failures made by hand, and against real runs.

#include "sim/shrink.h"

#include <algorithm>

#include <gtest/gtest.h>

#include "protocols/each_protocol_for_test.h"

namespace quorate::sim {
namespace {

using std::chrono::milliseconds;

FaultEvent fault(std::int64_t ms, Fault kind, std::uint32_t node) {
  return {.at = milliseconds(ms) + Duration(123), .fault = kind, .node = node, .details = {5}};
}

RunSettings large_run() {
  RunSettings settings;
  settings.safety_phase = milliseconds(2000);
  settings.faults.emplace();
  for (std::int64_t i = 0; i < 20; ++i) {
    settings.faults->push_back(fault(50 + 90 * i, static_cast<Fault>(i % 5), static_cast<std::uint32_t>(i % 3 + 1)));
  }
  return settings;
}

bool has(const RunSettings& settings, const FaultEvent& wanted) {
  return std::ranges::any_of(*settings.faults, [&](const FaultEvent& event) {
    return event.fault == wanted.fault && event.node == wanted.node &&
           event.at / milliseconds(1) == wanted.at / milliseconds(1);
  });
}

TEST(ShrinkTest, LeavesExactlyWhatTheFailureNeeds) {
  const RunSettings large = large_run();
  const FaultEvent first = (*large.faults)[3];
  const FaultEvent second = (*large.faults)[11];
  int asked = 0;
  const RunSettings least = shrink(large, [&](const RunSettings& run) {
    ++asked;
    return has(run, first) && has(run, second) && run.workload.clients >= 3 && run.nodes.group_count >= 2 &&
           run.watchers >= 1;
  });
  ASSERT_EQ(least.faults->size(), 2U);
  EXPECT_EQ((*least.faults)[0].at, milliseconds(320)) << "times are rounded";
  EXPECT_EQ((*least.faults)[1].at, milliseconds(1040));
  EXPECT_EQ(least.workload.clients, 3U);
  EXPECT_EQ(least.nodes.group_count, 2U);
  EXPECT_EQ(least.watchers, 1U);
  EXPECT_LT(least.safety_phase, milliseconds(1040 + 10));
  EXPECT_LT(asked, 200);
}

/// With fewer clients the failure needs another course of the run.
TEST(ShrinkTest, TriesOtherCourses) {
  const RunSettings least = shrink(large_run(), [](const RunSettings& run) {
    return run.workload.clients >= 5 || (run.workload.clients >= 2 && run.variant % 4 == 3);
  });
  EXPECT_EQ(least.workload.clients, 2U);
  EXPECT_EQ(least.variant, 3U);
}

TEST(ShrinkTest, LeavesNothingIfNothingIsNeeded) {
  const RunSettings least = shrink(large_run(), [](const RunSettings&) { return true; });
  EXPECT_TRUE(least.faults->empty());
  EXPECT_EQ(least.workload.clients, 1U);
  EXPECT_EQ(least.nodes.group_count, 1U);
  EXPECT_EQ(least.watchers, 0U);
  EXPECT_EQ(least.safety_phase, milliseconds(0));
}

TEST(ShrinkTest, LeavesAllIfAllIsNeededOrTimeIsUp) {
  const RunSettings large = large_run();
  const RunSettings least = shrink(large, [](const RunSettings&) { return false; });
  EXPECT_EQ(least.faults, large.faults);
  EXPECT_EQ(least.safety_phase, large.safety_phase);
  EXPECT_EQ(least.workload.clients, large.workload.clients);
}

/// Faults that matter only together, or only in pairs: what is left still fails, and no single one can go.
TEST(ShrinkTest, NoSingleFaultCanGoFromWhatIsLeft) {
  const auto fails = [](const RunSettings& run) {
    std::uint64_t crashes = 0;
    for (const FaultEvent& event : *run.faults) {
      crashes += event.fault == Fault::crash ? 1 : 0;
    }
    return crashes >= 2 || run.faults->size() >= 15;
  };
  const RunSettings least = shrink(large_run(), fails);
  EXPECT_TRUE(fails(least));
  for (std::size_t i = 0; i < least.faults->size(); ++i) {
    RunSettings without = least;
    without.faults->erase(without.faults->begin() + static_cast<std::ptrdiff_t>(i));
    EXPECT_FALSE(fails(without)) << i;
  }
}

class RunsOfEachProtocol : public ::testing::TestWithParam<const consensus::Protocol*> {};
INSTANTIATE_TEST_SUITE_P(All, RunsOfEachProtocol, protocols::each_ordered(), protocols::name_of_case);

/// What a run says of its faults makes them strike again: the same kinds, as often.
TEST_P(RunsOfEachProtocol, StrikeAgainWithTheFaultsThatWereTakenDown) {
  for (const std::uint64_t seed : {1U, 2U, 3U, 7U}) {
    RunSettings settings = default_settings(seed, GetParam()->cores);
    FaultSchedule struck;
    settings.on_fault = [&](const FaultEvent& event) { struck.push_back(event); };
    const RunResult drawn = run(settings);
    settings.faults = parse_faults(to_text(struck));
    ASSERT_TRUE(settings.faults.has_value());
    EXPECT_EQ(*settings.faults, struck);
    struck.clear();
    const RunResult given = run(settings);
    EXPECT_EQ(given.faults, drawn.faults) << "seed " << seed;
    EXPECT_EQ(given.leader_changes, drawn.leader_changes) << "seed " << seed;
    EXPECT_EQ(given.trace_hash, run(settings).trace_hash);
    settings.variant = 1;
    EXPECT_NE(given.trace_hash, run(settings).trace_hash);
  }
}

/// A run is the same whether it is told or not.
TEST_P(RunsOfEachProtocol, AreTheSameWhenTold) {
  RunSettings settings = default_settings(7, GetParam()->cores);
  const RunResult quiet = run(settings);
  std::size_t lines = 0;
  const Story story{.message_words = [](ByteView) { return std::string("message"); },
                    .state_words = [](ByteView) { return std::string("state"); },
                    .print = [&](std::string_view) { ++lines; }};
  settings.story = &story;
  EXPECT_EQ(run(settings).trace_hash, quiet.trace_hash);
  EXPECT_GT(lines, 1000U);
}

}  // namespace
}  // namespace quorate::sim
