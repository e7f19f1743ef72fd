// What tells replication from consensus, on one schedule: async_copy loses an acknowledged write and is found out;
// every protocol of the list loses nothing.

#include "tests/protocols/async_copy/async_copy.h"

#include <algorithm>
#include <cstdlib>
#include <fstream>

#include "protocols/each_protocol_for_test.h"
#include "sim/run.h"
#include "stories/transcript.h"

namespace quorate::async_copy {
namespace {

constexpr const char* kStory = "testdata/lost_write.txt";
constexpr std::uint64_t kSeed = 1;

std::string story() {
  std::ifstream file(kStory, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

TEST(AsyncCopy, LosesAnAcknowledgedWrite) {
  const std::string expected = story();
  const stories::Replay happened = stories::replay(protocol(), expected);
  if (std::getenv("QUORATE_REWRITE") != nullptr) {
    std::ofstream(kStory, std::ios::binary) << happened.text;
  } else {
    EXPECT_EQ(happened.text, expected) << "QUORATE_REWRITE=1 writes the file anew";
  }
  ASSERT_FALSE(happened.problems.empty());
  EXPECT_NE(happened.problems.front().find("z<-5 and as"), std::string::npos) << happened.problems.front();
}

TEST(AsyncCopy, IsFoundOutBySimulatedFaults) {
  const sim::RunResult result = sim::run(sim::default_settings(kSeed, protocol().cores));
  EXPECT_NE(result.violation, "");
}

TEST(AsyncCopy, CannotBeServed) { EXPECT_EQ(protocols::find(protocol().name()), nullptr); }

class Consensus : public ::testing::TestWithParam<const consensus::Protocol*> {};
INSTANTIATE_TEST_SUITE_P(All, Consensus, protocols::each_ordered(), protocols::name_of_case);

TEST_P(Consensus, LosesNothingOnTheSameSchedule) {
  const stories::Replay happened = stories::replay(*GetParam(), story());
  EXPECT_TRUE(happened.problems.empty()) << happened.problems.front();
  EXPECT_NE(happened.text.find("n2 placed z<-7"), std::string::npos) << "it goes on without n1:\n" << happened.text;
  EXPECT_EQ(sim::run(sim::default_settings(kSeed, GetParam()->cores)).violation, "");
}

}  // namespace
}  // namespace quorate::async_copy
