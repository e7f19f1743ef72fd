// Runs whose cluster is lost at the end and restored from a backup: clean, and a damaged or old backup is noticed.

#include <gtest/gtest.h>

#include "protocols/each_protocol_for_test.h"
#include "sim/run.h"

namespace quorate::sim {
namespace {

class RestoredRuns : public testing::TestWithParam<const consensus::Protocol*> {
 protected:
  static RunSettings settings(std::string_view faults) {
    RunSettings settings = default_settings(3, GetParam()->cores);
    settings.faults = parse_faults(faults);
    EXPECT_TRUE(settings.faults.has_value()) << faults;
    return settings;
  }
};
INSTANTIATE_TEST_SUITE_P(All, RestoredRuns, protocols::each_ordered(), protocols::name_of_case);

TEST_P(RestoredRuns, GoOnBehindTheBackup) {
  const RunResult restored = run(settings("take_backup@1200/2/2,crash@1500/1/60"));
  EXPECT_EQ(restored.violation, "");
  EXPECT_TRUE(restored.was_restored);
}

TEST_P(RestoredRuns, NoticeABackupThatIsNotWhatItWas) {
  RunSettings begun = settings("none");
  begun.beginning = std::make_shared<Beginning>(Beginning{.backup = {.file = "no backup"}, .history = {}, .at = {}});
  EXPECT_NE(run(begun).violation.find("the backup"), std::string::npos);
}

}  // namespace
}  // namespace quorate::sim
