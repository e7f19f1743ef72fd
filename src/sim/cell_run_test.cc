// Runs of protocols without a log: clean, the same again, and they do the hard things.

#include "sim/cell_run.h"

#include <gtest/gtest.h>

#include "protocols/each_protocol_for_test.h"
#include "sim/search.h"

namespace quorate::sim {
namespace {

class CellRuns : public testing::TestWithParam<const consensus::Protocol*> {};
INSTANTIATE_TEST_SUITE_P(All, CellRuns, protocols::each_of_cells(), protocols::name_of_case);

TEST_P(CellRuns, AreCleanAndTheSameAgain) {
  Search search;
  for (std::uint64_t seed = 1; seed <= 100; ++seed) {
    const RunResult result = run(default_settings(seed, GetParam()->cores));
    EXPECT_EQ(result.violation, "") << "quorate sim --protocol " << GetParam()->name() << " --seed " << seed;
    search.add(result);
  }
  EXPECT_TRUE(search.not_clean({}, false).empty()) << search.not_clean({}, false).front();
  const RunSettings settings = default_settings(7, GetParam()->cores);
  EXPECT_EQ(run(settings).trace_hash, run(settings).trace_hash);
}

}  // namespace
}  // namespace quorate::sim
