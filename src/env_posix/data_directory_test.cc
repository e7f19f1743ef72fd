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

  const DataOrigin origin_{.kind = DataOrigin::Kind::founded, .members = {{NodeId(7), "http://a:1,http://b:1"}}};

  void expect_refusal(ErrorCode code, const std::string& words, const DataIdentity& as) {
    const auto opened = DataDirectory::open(path_, as, origin_);
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
    const auto opened = DataDirectory::open(path_, me_, origin_);
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
  const auto first = DataDirectory::open(path_, me_, origin_);
  ASSERT_TRUE(first.has_value());
  expect_refusal(ErrorCode::busy, "(pid " + std::to_string(::getpid()) + ")", me_);
}

TEST_F(DataDirectoryTest, AnotherMemberClusterOrProtocolIsForeign) {
  ASSERT_TRUE(DataDirectory::open(path_, me_, origin_).has_value());
  expect_refusal(ErrorCode::foreign, "belongs to member 8e9e05c52164694d of cluster abcd (raft)",
                 {me_.cluster, NodeId(7), "raft"});
  expect_refusal(ErrorCode::foreign, "configured as member 8e9e05c52164694d of cluster 9 (raft)",
                 {ClusterId(9), me_.member, "raft"});
  expect_refusal(ErrorCode::foreign, "(zab)", {me_.cluster, me_.member, "zab"});
}

TEST_F(DataDirectoryTest, QuorumSizesAreKeptForEver) {
  DataIdentity sized = me_;
  sized.quorum_sizes = {.phase_1 = 4, .phase_2 = 2};
  for (int start = 0; start < 2; ++start) {
    const auto opened = DataDirectory::open(path_, sized, origin_);
    ASSERT_TRUE(opened.has_value()) << opened.error().text;
    EXPECT_EQ(opened->identity(), sized);
  }
  const auto stored = DataDirectory::look(path_);
  ASSERT_TRUE(stored.has_value() && stored->has_value());
  EXPECT_EQ((*stored)->who, sized);
  expect_refusal(ErrorCode::foreign, "(raft, quorums of 4 and 2); this node is configured as", me_);
  sized.quorum_sizes.phase_2 = 3;
  expect_refusal(ErrorCode::foreign, "(raft, quorums of 4 and 3);", sized);
}

TEST_F(DataDirectoryTest, ItsBirthIsItsOwnForEver) {
  const std::uint64_t birth = DataDirectory::open(path_, me_, origin_)->birth();
  EXPECT_NE(birth, 0U);
  EXPECT_EQ(DataDirectory::open(path_, me_, origin_)->birth(), birth);
  std::filesystem::remove_all(path_);
  EXPECT_NE(DataDirectory::open(path_, me_, origin_)->birth(), birth) << "another directory of the same member";
}

TEST_F(DataDirectoryTest, WhatARestoreMadeIsAnotherClusterForEver) {
  DataIdentity restored = me_;
  restored.restored = 0x77;
  ASSERT_TRUE(DataDirectory::open(path_, restored, origin_).has_value());
  for (int start = 0; start < 2; ++start) {
    const auto opened = DataDirectory::open(path_, me_, origin_);
    ASSERT_TRUE(opened.has_value()) << opened.error().text;
    EXPECT_EQ(opened->identity(), restored);
    EXPECT_EQ(opened->cluster(), ClusterId(0xABCD ^ 0x77));
  }
  expect_refusal(ErrorCode::foreign, "configured as", {ClusterId(9), me_.member, "raft"});
}

TEST_F(DataDirectoryTest, ALooseModeIsRefusedWithTheCommandThatTightensIt) {
  ::mkdir(path_.c_str(), 0755);
  ::chmod(path_.c_str(), 0755);
  expect_refusal(ErrorCode::invalid, "mode 0755); run: chmod 0700", me_);
}

TEST_F(DataDirectoryTest, TellsWhoWasThereWhenItWasMade) {
  EXPECT_FALSE(DataDirectory::look(path_)->has_value()) << "not there yet";
  const DataOrigin joined{.kind = DataOrigin::Kind::joined,
                          .members = {{NodeId(7), "http://a:1,http://b:1"}, {NodeId(9), "x"}}};
  {
    ASSERT_TRUE(DataDirectory::open(path_, me_, joined).has_value());
  }
  const auto again = DataDirectory::open(path_, me_, origin_);
  ASSERT_TRUE(again.has_value());
  EXPECT_EQ(again->origin().kind, DataOrigin::Kind::joined) << "the first open decides";
  const auto stored = DataDirectory::look(path_);
  ASSERT_TRUE(stored.has_value() && stored->has_value());
  EXPECT_EQ((*stored)->who, me_);
  EXPECT_EQ((*stored)->origin.members, joined.members);
}

TEST_F(DataDirectoryTest, ADirectoryOfTheFirstVersionIsTakenOver) {
  ::mkdir(path_.c_str(), 0700);
  std::ofstream(path_ + "/identity")
      << "quorate-data 1\ncluster abcd\nmember 8e9e05c52164694d\nprotocol raft\nincarnation 12\n"
         "checksum 3e6a9cb41e886b16\n";
  const auto stored = DataDirectory::look(path_);
  ASSERT_TRUE(stored.has_value() && stored->has_value()) << stored.error().text;
  EXPECT_TRUE((*stored)->origin.members.empty());
  const auto opened = DataDirectory::open(path_, me_, origin_);
  ASSERT_TRUE(opened.has_value());
  EXPECT_EQ(opened->incarnation(), Incarnation(13));
  EXPECT_EQ(opened->origin().members, origin_.members);
  EXPECT_NE(opened->birth(), 0U);
}

// C-11: there is one copy of the identity, replaced whole; damaged, it is refused with what to do.
TEST_F(DataDirectoryTest, DamageForeignFilesAndNewerVersionsAreToldApart) {
  DataIdentity sized = me_;
  sized.quorum_sizes.phase_2 = 2;
  ASSERT_TRUE(DataDirectory::open(path_, sized, origin_).has_value());
  const std::string file = path_ + "/identity";
  std::string text;
  std::getline(std::ifstream(file), text, '\0');
  for (std::size_t at = 13; at < text.size(); ++at) {  // behind "quorate-data "
    std::string flipped = text;
    flipped[at] ^= 1;
    std::ofstream(file) << flipped;
    const auto opened = DataDirectory::open(path_, sized, origin_);
    ASSERT_FALSE(opened.has_value()) << at;
    const bool says_what_to_do = opened.error().text.find("rejoin as a new member") != std::string::npos;
    EXPECT_TRUE(says_what_to_do || opened.error().code == ErrorCode::newer_format) << opened.error().text;
  }
  std::ofstream(file) << "quorate-data 5\nanything\n";
  expect_refusal(ErrorCode::newer_format, "version 5; this program reads versions up to 4", me_);
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
