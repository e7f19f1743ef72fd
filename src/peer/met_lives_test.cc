// The lives that a node has met, on real files: kept over its own lives, through damage of a copy, and in order.

#include "peer/met_lives.h"

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include <gtest/gtest.h>

#include "env_posix/files.h"
#include "env_posix/loop.h"

namespace quorate::peer {
namespace {

constexpr Life kLife{Incarnation(3), 0xB1, 0x57};
constexpr std::size_t kFileBytes = std::size_t{32} << 10;

class MetLivesTest : public testing::Test {
 public:
  MetLivesTest() {
    char name[] = "/tmp/quorate-lives-XXXXXX";
    root_ = ::mkdtemp(name);
    loop_ = *env_posix::EventLoop::make();
    files_ = *env_posix::PosixFiles::open(root_, *loop_);
  }
  ~MetLivesTest() override {
    files_.reset();
    std::filesystem::remove_all(root_);
  }

 protected:
  [[nodiscard]] Result<std::unique_ptr<MetLives>> open() {
    Result<std::unique_ptr<MetLives>> lives = MetLives::open(*files_, "met_lives");
    if (lives) {
      (*lives)->set_events(Callback<NodeId>::to<&MetLivesTest::on_noted>(this),
                           Callback<const Error&>::to<&MetLivesTest::on_failed>(this));
    }
    return lives;
  }
  void on_noted(std::uint64_t, NodeId node) { noted_.push_back(node); }
  void on_failed(std::uint64_t, const Error& why) { ADD_FAILURE() << why.text; }
  void wait_for(std::size_t count) {
    for (int turn = 0; turn < 1000 && noted_.size() < count; ++turn) {
      loop_->run_turn(std::chrono::milliseconds(10));
    }
    ASSERT_EQ(noted_.size(), count);
  }
  [[nodiscard]] std::string path() const { return root_ + "/met_lives"; }
  [[nodiscard]] std::string bytes() const {
    std::ifstream file(path(), std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
  }
  void put(const std::string& bytes) const { std::ofstream(path(), std::ios::binary) << bytes; }

  std::string root_;
  std::unique_ptr<env_posix::EventLoop> loop_;
  std::unique_ptr<env_posix::PosixFiles> files_;
  std::vector<NodeId> noted_;
};

TEST_F(MetLivesTest, AreKeptOnceTheyWereNoted) {
  {
    const std::unique_ptr<MetLives> lives = std::move(*open());
    EXPECT_EQ(lives->find(NodeId(1)), nullptr);
    EXPECT_FALSE(lives->note(NodeId(1), kLife));
    EXPECT_FALSE(lives->note(NodeId(2), {Incarnation(1)})) << "waits for the next write";
    EXPECT_EQ(*lives->find(NodeId(1)), kLife) << "nobody else may come meanwhile";
    EXPECT_FALSE(lives->note(NodeId(1), kLife)) << "not durable yet";
    wait_for(2);
    EXPECT_TRUE(lives->note(NodeId(1), kLife));
    EXPECT_FALSE(lives->note(NodeId(2), {Incarnation(2)})) << "a later life is news again";
    wait_for(3);
    lives->forget(NodeId(9));
  }
  const std::unique_ptr<MetLives> again = std::move(*open());
  EXPECT_EQ(*again->find(NodeId(1)), kLife);
  EXPECT_EQ(again->find(NodeId(2))->incarnation, Incarnation(2));
  EXPECT_TRUE(again->note(NodeId(1), kLife));
  again->forget(NodeId(1));
  EXPECT_EQ(again->find(NodeId(1)), nullptr);
  EXPECT_EQ(bytes().size(), kFileBytes);
}

TEST_F(MetLivesTest, DamageInOneCopyIsMendedFromTheOther) {
  {
    const std::unique_ptr<MetLives> lives = std::move(*open());
    (void)lives->note(NodeId(1), kLife);
    wait_for(1);
  }
  const std::string whole = bytes();
  const std::size_t written = 24 + 32 + 4;
  for (std::size_t copy = 0; copy < 2; ++copy) {
    for (std::size_t at = 0; at < written; ++at) {
      std::string damaged = whole;
      damaged[copy * kFileBytes / 2 + at] ^= 1;
      put(damaged);
      const Result<std::unique_ptr<MetLives>> lives = open();
      ASSERT_TRUE(lives) << lives.error().text;
      ASSERT_NE((*lives)->find(NodeId(1)), nullptr) << at;
      EXPECT_EQ(*(*lives)->find(NodeId(1)), kLife);
      EXPECT_TRUE(bytes() == whole) << "written anew, byte " << at;
    }
  }
  std::string damaged = whole;
  damaged[30] ^= 1;
  damaged[kFileBytes / 2 + 30] ^= 1;
  put(damaged);
  const Result<std::unique_ptr<MetLives>> lives = open();
  ASSERT_FALSE(lives);
  EXPECT_EQ(lives.error().code, ErrorCode::corrupt);
  EXPECT_NE(lives.error().text.find("remove the file and start again"), std::string::npos) << lives.error().text;
}

TEST_F(MetLivesTest, AFileThatWasCutOffWhileItWasMadeHoldsNobody) {
  {
    (void)open();
  }
  const std::string whole = bytes();
  for (const std::size_t size : {std::size_t{0}, std::size_t{20}, kFileBytes / 2}) {
    put(whole.substr(0, size));
    const Result<std::unique_ptr<MetLives>> lives = open();
    ASSERT_TRUE(lives) << size << ": " << lives.error().text;
    EXPECT_EQ((*lives)->find(NodeId(1)), nullptr);
    EXPECT_TRUE(bytes() == whole) << size;
  }
}

}  // namespace
}  // namespace quorate::peer
