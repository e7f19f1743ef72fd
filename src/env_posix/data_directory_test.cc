// A data directory's lock, identity and incarnation, and the words of each refusal.

#include "env_posix/data_directory.h"

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

namespace quorate::env_posix {
namespace {

class DataDirectoryTest : public ::testing::Test {
 protected:
  DataDirectoryTest() {
    char name[] = "/tmp/quorate-data-XXXXXX";
    root_ = ::mkdtemp(name);
    path_ = root_ + "/n1.quorate";
  }
  ~DataDirectoryTest() override { std::filesystem::remove_all(root_); }

  void expect_refusal(ErrorCode code, const std::string& words, const DataIdentity& as) {
    const auto opened = DataDirectory::open(path_, as);
    ASSERT_FALSE(opened.has_value());
    EXPECT_EQ(opened.error().code, code) << opened.error().text;
    EXPECT_NE(opened.error().text.find(words), std::string::npos) << opened.error().text;
    EXPECT_NE(opened.error().text.find(path_), std::string::npos) << opened.error().text;
  }

  const DataIdentity me_{ClusterId(0xABCD), NodeId(0x8e9e05c52164694d), "raft"};
  std::string root_;
  std::string path_;
};

TEST_F(DataDirectoryTest, EveryStartIsALaterIncarnation) {
  for (std::uint64_t start = 1; start <= 3; ++start) {
    const auto opened = DataDirectory::open(path_, me_);
    ASSERT_TRUE(opened.has_value()) << opened.error().text;
    EXPECT_EQ(opened->incarnation(), Incarnation(start));
    EXPECT_EQ(opened->is_new(), start == 1);
    EXPECT_EQ(opened->identity(), me_);
  }
  struct stat about{};
  ASSERT_EQ(::stat(path_.c_str(), &about), 0);
  EXPECT_EQ(about.st_mode & 0777, 0700U);
}

TEST_F(DataDirectoryTest, ASecondProcessIsRefusedByPid) {
  const auto first = DataDirectory::open(path_, me_);
  ASSERT_TRUE(first.has_value());
  expect_refusal(ErrorCode::busy, "(pid " + std::to_string(::getpid()) + ")", me_);
}

TEST_F(DataDirectoryTest, AnotherMemberClusterOrProtocolIsForeign) {
  ASSERT_TRUE(DataDirectory::open(path_, me_).has_value());
  expect_refusal(ErrorCode::foreign, "belongs to member 8e9e05c52164694d of cluster abcd (raft)",
                 {me_.cluster, NodeId(7), "raft"});
  expect_refusal(ErrorCode::foreign, "configured as member 8e9e05c52164694d of cluster 9 (raft)",
                 {ClusterId(9), me_.member, "raft"});
  expect_refusal(ErrorCode::foreign, "(zab)", {me_.cluster, me_.member, "zab"});
}

TEST_F(DataDirectoryTest, ALooseModeIsRefusedWithTheCommandThatTightensIt) {
  ::mkdir(path_.c_str(), 0755);
  ::chmod(path_.c_str(), 0755);
  expect_refusal(ErrorCode::invalid, "mode 0755); run: chmod 0700", me_);
}

TEST_F(DataDirectoryTest, DamageForeignFilesAndNewerVersionsAreToldApart) {
  ASSERT_TRUE(DataDirectory::open(path_, me_).has_value());
  const std::string file = path_ + "/identity";
  std::string text;
  std::getline(std::ifstream(file), text, '\0');
  for (std::size_t at = 13; at < text.size(); ++at) {  // behind "quorate-data "
    std::string flipped = text;
    flipped[at] ^= 1;
    std::ofstream(file) << flipped;
    EXPECT_FALSE(DataDirectory::open(path_, me_).has_value()) << at;
  }
  std::ofstream(file) << "quorate-data 2\nanything\n";
  expect_refusal(ErrorCode::newer_format, "version 2; this program reads versions up to 1", me_);
  std::filesystem::remove(file);
  std::ofstream(path_ + "/member.db") << "x";
  expect_refusal(ErrorCode::corrupt, "holds files but no identity", me_);
}

TEST_F(DataDirectoryTest, AMissingParentAndAFileAreRefused) {
  path_ = root_ + "/missing/n1";
  expect_refusal(ErrorCode::not_found, "cannot make data directory", me_);
  path_ = root_ + "/file";
  std::ofstream(path_) << "x";
  expect_refusal(ErrorCode::io, "Not a directory", me_);
}

}  // namespace
}  // namespace quorate::env_posix
