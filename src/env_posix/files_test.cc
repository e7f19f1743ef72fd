// Real files: durable writes, reads and preparation off the loop, and what happens when a file goes away meanwhile.

#include "env_posix/files.h"

#include <cstdlib>
#include <filesystem>
#include <string>

#include <gtest/gtest.h>
#include <sys/stat.h>

#include "env_posix/loop.h"

namespace quorate::env_posix {
namespace {

class FilesTest : public ::testing::Test {
 public:
  FilesTest() {
    char name[] = "/tmp/quorate-files-XXXXXX";
    root_ = ::mkdtemp(name);
    loop_ = *EventLoop::make();
    files_ = *PosixFiles::open(root_, *loop_);
  }
  ~FilesTest() override {
    files_.reset();
    std::filesystem::remove_all(root_);
  }
  void wait() {
    for (int turn = 0; turn < 1000 && !called_; ++turn) {
      loop_->run_turn(std::chrono::milliseconds(10));
    }
    ASSERT_TRUE(std::exchange(called_, false)) << "no completion came";
  }
  void on_done(std::uint64_t, Status status) {
    called_ = true;
    status_ = std::move(status);
  }
  void on_read(std::uint64_t, Result<Buffer> bytes) {
    called_ = true;
    read_ = std::move(bytes);
  }

  std::string root_;
  std::unique_ptr<EventLoop> loop_;
  std::unique_ptr<PosixFiles> files_;
  bool called_ = false;
  Status status_;
  Result<Buffer> read_;
};

TEST_F(FilesTest, WritesPartsDurablyAndReadsThemBack) {
  ASSERT_TRUE(files_->make_directory("log").has_value());
  auto file = files_->open("log/a", env::OpenMode::create_new);
  ASSERT_TRUE(file.has_value());
  std::vector<std::string> bytes;
  std::string all;
  std::vector<ByteView> parts;
  for (int i = 0; i < 3000; ++i) {  // more than one call takes
    bytes.push_back(std::to_string(i) + std::string(static_cast<std::size_t>(i % 7), 'x'));
    all += bytes.back();
  }
  parts.assign(bytes.begin(), bytes.end());
  (*file)->write_durably(10, parts, Callback<Status>::to<&FilesTest::on_done>(this));
  wait();
  ASSERT_TRUE(status_.has_value());
  EXPECT_EQ(*(*file)->read(10, all.size() + 100), all);
  EXPECT_EQ(*(*file)->size(), all.size() + 10);
  (*file)->read_async(12, 5, Callback<Result<Buffer>>::to<&FilesTest::on_read>(this));
  wait();
  EXPECT_EQ(read_->view(), all.substr(2, 5));
  EXPECT_EQ(files_->stats().syncs, 1U);
  struct stat about{};
  ASSERT_EQ(::stat((root_ + "/log/a").c_str(), &about), 0);
  EXPECT_EQ(about.st_mode & 0777, 0600U);
  EXPECT_EQ(*files_->list("log"), std::vector<std::string>{"a"});
  EXPECT_EQ(files_->open("log/a", env::OpenMode::create_new).error().code, ErrorCode::already_exists);
  EXPECT_EQ(files_->open("log/b", env::OpenMode::existing).error().code, ErrorCode::not_found);
}

TEST_F(FilesTest, PreparesZerosAndRefusesAnExistingName) {
  files_->prepare_async("zeros", 3'000'000, Callback<Status>::to<&FilesTest::on_done>(this));
  wait();
  ASSERT_TRUE(status_.has_value());
  EXPECT_EQ(std::filesystem::file_size(root_ + "/zeros"), 3'000'000U);
  files_->prepare_async("zeros", 10, Callback<Status>::to<&FilesTest::on_done>(this));
  wait();
  EXPECT_EQ(status_.error().code, ErrorCode::already_exists);
}

TEST_F(FilesTest, AClosedFileCallsNobody) {
  auto file = files_->open("a", env::OpenMode::create_new);
  {
    const std::string bytes(1 << 20, 'x');  // gone right after the file: destroying the file waits for the write
    const ByteView part = bytes;
    (*file)->write_durably(0, {&part, 1}, Callback<Status>::to<&FilesTest::on_done>(this));
    (*file)->read_async(0, 10, Callback<Result<Buffer>>::to<&FilesTest::on_read>(this));
    file->reset();
  }
  for (int turn = 0; turn < 5; ++turn) {
    loop_->run_turn(std::chrono::milliseconds(5));
  }
  EXPECT_FALSE(called_);
  EXPECT_EQ(std::filesystem::file_size(root_ + "/a"), 1U << 20);
}

TEST_F(FilesTest, SmallWritesInARowRunOnTheLoopAfterTheTurn) {
  files_ = std::move(*PosixFiles::open(root_, *loop_, SyncPlace(Duration::max())));
  auto file = files_->open("a", env::OpenMode::create_new);
  const auto write = [&](std::uint64_t offset, ByteView part) {
    called_ = false;
    (*file)->write_durably(offset, {&part, 1}, Callback<Status>::to<&FilesTest::on_done>(this));
    EXPECT_FALSE(called_) << "never inside the call";
    wait();
    ASSERT_TRUE(status_.has_value());
  };
  for (unsigned i = 0; i < SyncPlace::kCalmWrites; ++i) {
    write(i, "x");
  }
  EXPECT_EQ(files_->stats().syncs_on_loop, 0U);
  write(SyncPlace::kCalmWrites, "yz");
  EXPECT_EQ(files_->stats().syncs_on_loop, 1U);
  EXPECT_EQ(*(*file)->read(0, 100), std::string(SyncPlace::kCalmWrites, 'x') + "yz");
  // A large one wakes the thread, and the next small ones follow it there.
  write(0, std::string(SyncPlace::kSmallBytes + 1, 'w'));
  write(0, "v");
  EXPECT_EQ(files_->stats().syncs_on_loop, 1U);
}

TEST_F(FilesTest, SaysWhatTheSystemRefused) {
  auto file = files_->open("a", env::OpenMode::create_new);
  const ByteView part = "x";
  (*file)->write_durably(1ULL << 62, {&part, 1}, Callback<Status>::to<&FilesTest::on_done>(this));
  wait();
  ASSERT_FALSE(status_.has_value());
  EXPECT_NE(status_.error().text.find("cannot write 'a': "), std::string::npos) << status_.error().text;
}

}  // namespace
}  // namespace quorate::env_posix
