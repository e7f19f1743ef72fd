// Runs the stories in testdata/*.txt (their language: stories/raft/transcript.h). With QUORATE_REWRITE=1 (or --rewrite)
// the files are written anew with what does happen.

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include <gtest/gtest.h>

#include "consensus/raft/raft.h"
#include "stories/raft/transcript.h"

namespace quorate::raft {
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

TEST(raft_transcripts, are_what_happens_and_reach_every_branch) {
  const std::filesystem::path folder = "testdata";
  ASSERT_TRUE(std::filesystem::is_directory(folder)) << "run this test in src/consensus/raft";
  std::vector<std::filesystem::path> files;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    files.push_back(entry.path());
  }
  std::ranges::sort(files);
  std::set<std::string_view> branches;
  for (const std::filesystem::path& file : files) {
    SCOPED_TRACE(file.string());
    const std::string expected = read_file(file);
    const stories::Replay happened = stories::replay(expected);
    EXPECT_TRUE(happened.problems.empty()) << happened.problems.front();
    branches.insert(happened.branches.begin(), happened.branches.end());
    if (wants_rewrite()) {
      std::ofstream(file, std::ios::binary) << happened.text;
    } else {
      EXPECT_EQ(happened.text, expected) << "QUORATE_REWRITE=1 writes the file anew";
    }
  }
  for (const std::string_view name : all_raft_trace_names()) {
    EXPECT_TRUE(branches.contains(name)) << "no story reaches " << name;
  }
}

}  // namespace
}  // namespace quorate::raft
