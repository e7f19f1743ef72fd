// A disk that betrays: what was confirmed is gone, the last writes are spared, and an operator can put it back.

#include <algorithm>

#include <gtest/gtest.h>

#include "sim/disk.h"

namespace quorate::sim {
namespace {

class DiskBetrayal : public ::testing::Test {
 public:
  void on_written(std::uint64_t, Status status) { EXPECT_TRUE(status.has_value()); }

 protected:
  static constexpr std::size_t kHead = 4096;  ///< of a file: what stands there is nobody's last write
  static constexpr std::size_t kBytes = 600;

  void SetUp() override {
    disk_.set_owner({1, 1});
    file_ = *disk_.open("log/1", env::OpenMode::create_new);
    ASSERT_TRUE(disk_.sync_directory("log").has_value());
    for (char letter = 'a'; letter <= 'e'; ++letter) {
      const std::string bytes(kBytes, letter);
      const ByteView parts[] = {bytes};
      file_->write_durably(kHead + static_cast<std::uint64_t>(letter - 'a') * kBytes, parts,
                           Callback<Status>::to<&DiskBetrayal::on_written>(this));
      while (!queue_.empty()) {
        queue_.pop().action();
      }
    }
  }

  std::string all() { return file_->read(kHead, 5 * kBytes).value(); }
  /// How many bytes differ from what was written.
  std::size_t damage() {
    const std::string now = all();
    std::size_t count = 0;
    for (std::size_t at = 0; at < now.size(); ++at) {
      count += now[at] == static_cast<char>('a' + at / kBytes) ? 0U : 1U;
    }
    return count;
  }

  EventQueue queue_;
  Disk disk_{queue_, Random(1)};
  std::unique_ptr<env::File> file_;
};

TEST_F(DiskBetrayal, ABitIsNotWhatItWas) {  // F-D6
  for (std::uint64_t place = 0; place < 200; ++place) {
    ASSERT_TRUE(disk_.betray(Disk::Betrayal::flipped_bit, place * 977));
    EXPECT_EQ(damage(), 1U);
    EXPECT_EQ(all().substr(3 * kBytes), std::string(kBytes, 'd') + std::string(kBytes, 'e')) << "the last two writes";
    disk_.make_good();
    EXPECT_EQ(damage(), 0U);
  }
}

TEST_F(DiskBetrayal, AWriteNeverHappened) {  // F-D7
  for (std::uint64_t place = 0; place < 3; ++place) {
    ASSERT_TRUE(disk_.betray(Disk::Betrayal::lost_write, place));
    EXPECT_EQ(damage(), kBytes);
    EXPECT_EQ(std::ranges::count(all(), '\0'), static_cast<std::ptrdiff_t>(kBytes)) << "what stood there before";
    disk_.on_power_loss();
    file_ = *disk_.open("log/1", env::OpenMode::existing);
    EXPECT_EQ(damage(), kBytes) << "it is the disk that has it not";
    disk_.make_good();
    EXPECT_EQ(damage(), 0U);
  }
}

TEST_F(DiskBetrayal, AWriteStandsInAnotherPlace) {  // F-D8
  std::size_t landed = 0;
  for (std::uint64_t place = 0; place < 60; ++place) {
    if (disk_.betray(Disk::Betrayal::misdirected_write, place)) {
      landed += damage() > kBytes ? 1U : 0U;
      EXPECT_EQ(all().substr(3 * kBytes), std::string(kBytes, 'd') + std::string(kBytes, 'e'));
      disk_.make_good();
      EXPECT_EQ(damage(), 0U);
    }
  }
  EXPECT_GT(landed, 10U);
}

TEST_F(DiskBetrayal, WhatIsOnItsWayArrives) {
  const std::string bytes(10, 'z');
  const ByteView parts[] = {bytes};
  file_->write_durably(kHead + 5, parts, Callback<Status>::to<&DiskBetrayal::on_written>(this));
  ASSERT_TRUE(disk_.betray(Disk::Betrayal::lost_write, 2));
  EXPECT_EQ(all().substr(0, 20), std::string(5, '\0') + bytes + std::string(5, '\0'));
  queue_.pop().action();
  EXPECT_EQ(all().substr(5, 10), bytes);
}

TEST_F(DiskBetrayal, WhatWasWrittenSinceIsNotPutBack) {
  ASSERT_TRUE(disk_.betray(Disk::Betrayal::lost_write, 0));
  const std::string all_new(5 * kBytes, 'z');
  ASSERT_TRUE(file_->write(kHead, all_new).has_value());
  ASSERT_TRUE(file_->sync().has_value());
  disk_.make_good();
  EXPECT_EQ(all(), all_new);
}

}  // namespace
}  // namespace quorate::sim
