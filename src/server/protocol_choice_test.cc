#include "server/protocol_choice.h"

#include <filesystem>

#include <gtest/gtest.h>

#include "env_posix/data_directory.h"
#include "protocols/protocols.h"

namespace quorate::server {
namespace {

class ProtocolChoiceTest : public ::testing::Test {
 protected:
  ProtocolChoiceTest() { options_.data_dir = std::filesystem::path(::testing::TempDir()) / "quorate_protocol_choice"; }
  ~ProtocolChoiceTest() override { std::filesystem::remove_all(options_.data_dir); }

  void make_directory(std::string protocol) {
    const auto made = env_posix::DataDirectory::open(options_.data_dir, {ClusterId(1), NodeId(1), std::move(protocol)},
                                                     {.members = {{NodeId(1), "http://a:1"}}});
    ASSERT_TRUE(made.has_value()) << made.error().text;
  }
  std::string choice() {
    const Result<const consensus::Protocol*> chosen = choose_protocol(options_);
    return chosen ? std::string((*chosen)->name()) : chosen.error().text;
  }

  const std::string default_{protocols::default_protocol().name()};
  const std::string last_{protocols::all().back()->name()};
  ServeOptions options_;
};

TEST_F(ProtocolChoiceTest, ANewClusterRunsWhatItIsToldOrTheDefault) {
  EXPECT_EQ(choice(), default_);
  options_.consensus = last_;
  EXPECT_EQ(choice(), last_);
}

TEST_F(ProtocolChoiceTest, AClusterKeepsItsProtocol) {
  make_directory(last_);
  EXPECT_EQ(choice(), last_);
  options_.consensus = last_;
  EXPECT_EQ(choice(), last_);
}

TEST_F(ProtocolChoiceTest, AnotherProtocolIsRefusedNamingBoth) {
  make_directory("another");
  options_.consensus = default_;
  EXPECT_EQ(choice(), "data directory '" + options_.data_dir +
                          "' belongs to a cluster that runs another, and --consensus=" + default_ +
                          " asks for another protocol; a cluster keeps the one that it was founded with: leave "
                          "--consensus out, or found another cluster with an empty --data-dir");
  options_.consensus.clear();
  EXPECT_EQ(choice(), "data directory '" + options_.data_dir +
                          "' belongs to a cluster that runs another, which this program does not have (it has " +
                          protocols::names() + "); use the program that made the directory");
}

}  // namespace
}  // namespace quorate::server
