// Runs the stories of every protocol, src/consensus/*/testdata/*.txt (their language: stories/transcript.h). With
// QUORATE_REWRITE=1 (or --rewrite) the files are written anew with what does happen.

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include <gtest/gtest.h>

#include "protocols/each_protocol_for_test.h"
#include "stories/transcript.h"

namespace quorate::protocols {
namespace {

bool wants_rewrite() {
  const char* variable = std::getenv("QUORATE_REWRITE");
  if (variable != nullptr && *variable != '\0') {
    return true;
  }
  const std::vector<std::string> arguments = ::testing::internal::GetArgvs();
  return std::ranges::find(arguments, "--rewrite") != arguments.end();
}

std::string read_file(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

class Transcripts : public ::testing::TestWithParam<const consensus::Protocol*> {};

TEST_P(Transcripts, AreWhatHappensAndReachEveryBranch) {
  const consensus::Protocol& protocol = *GetParam();
  const std::filesystem::path folder = "../consensus/" + std::string(protocol.name()) + "/testdata";
  ASSERT_TRUE(std::filesystem::is_directory(folder)) << "run this test in src/protocols";
  std::vector<std::filesystem::path> files;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    files.push_back(entry.path());
  }
  std::ranges::sort(files);
  std::set<std::string_view> branches;
  for (const std::filesystem::path& file : files) {
    SCOPED_TRACE(file.string());
    const std::string expected = read_file(file);
    const stories::Replay happened = stories::replay(protocol, expected);
    EXPECT_TRUE(happened.problems.empty()) << happened.problems.front();
    branches.insert(happened.branches.begin(), happened.branches.end());
    if (wants_rewrite()) {
      std::ofstream(file, std::ios::binary) << happened.text;
    } else {
      EXPECT_EQ(happened.text, expected) << "QUORATE_REWRITE=1 writes the file anew";
    }
  }
  for (const std::string_view name : protocol.all_branches) {
    EXPECT_TRUE(branches.contains(name)) << "no story reaches " << name;
  }
}

INSTANTIATE_TEST_SUITE_P(All, Transcripts, each(), name_of_case);

}  // namespace
}  // namespace quorate::protocols
