#include "sim/fault_schedule.h"

#include <gtest/gtest.h>

namespace quorate::sim {
namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;

TEST(FaultScheduleTest, IsWrittenAndReadBack) {
  const FaultSchedule schedule = {
      {.at = {}, .fault = Fault::lossy_network, .node = 0, .details = {17}},
      {.at = microseconds(412'500), .fault = Fault::crash, .node = 2, .details = {87}},
      {.at = milliseconds(500) + Duration(1), .fault = Fault::transfer_leadership, .node = 3, .details = {}}};
  const std::string text = "lossy_network@0/0/17,crash@412.5/2/87,transfer_leadership@500.000001/3";
  EXPECT_EQ(to_text(schedule), text);
  EXPECT_EQ(parse_faults(text), schedule);
  EXPECT_EQ(to_text(FaultSchedule()), "none");
  EXPECT_EQ(parse_faults("none"), FaultSchedule());
}

TEST(FaultScheduleTest, EveryFaultHasAName) {
  for (std::size_t i = 0; i < kFaultCount; ++i) {
    const FaultSchedule one = {{.at = milliseconds(1), .fault = static_cast<Fault>(i), .node = 1, .details = {2, 3}}};
    EXPECT_EQ(parse_faults(to_text(one)), one) << i;
  }
}

TEST(FaultScheduleTest, RefusesWhatIsNone) {
  for (const char* wrong : {"", "crash", "crash@", "crash@1", "crash@1/", "crash@1/x", "crash@x/1", "crash@-1/1",
                            "crash@1.1234567/1", "crash@1/1//2", "crash@1/1,,crash@2/1", "smash@1/1",
                            "crash@1/4294967296", "crash@99999999999/1", "none,none"}) {
    EXPECT_FALSE(parse_faults(wrong).has_value()) << wrong;
  }
}

}  // namespace
}  // namespace quorate::sim
