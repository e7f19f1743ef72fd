#include "env_posix/sync_place.h"

#include <gtest/gtest.h>

namespace quorate::env_posix {
namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;

TEST(SyncPlace, TheLoopWritesWhenSmallQuickWritesFollowEachOther) {
  SyncPlace place;
  for (unsigned i = 0; i < SyncPlace::kCalmWrites; ++i) {
    EXPECT_FALSE(place.is_loop_for(100)) << i;
    place.on_written(microseconds(200));
  }
  EXPECT_TRUE(place.is_loop_for(SyncPlace::kSmallBytes));
}

TEST(SyncPlace, ALargeWriteSendsTheNextOnesToTheThread) {
  SyncPlace place;
  for (unsigned i = 0; i < SyncPlace::kCalmWrites; ++i) {
    place.on_written(microseconds(200));
  }
  EXPECT_FALSE(place.is_loop_for(SyncPlace::kSmallBytes + 1));
  EXPECT_FALSE(place.is_loop_for(100));
}

TEST(SyncPlace, ASlowDiskIsTheThreadsUntilItIsQuickAgain) {
  SyncPlace place;
  for (unsigned i = 0; i < SyncPlace::kCalmWrites; ++i) {
    place.on_written(microseconds(200));
  }
  place.on_written(milliseconds(5));
  EXPECT_TRUE(place.is_loop_for(100)) << "one is a hiccup";
  for (unsigned i = 0; i < 8; ++i) {
    place.on_written(milliseconds(5));
  }
  EXPECT_FALSE(place.is_loop_for(100));
  for (unsigned i = 0; i < 20; ++i) {
    place.on_written(microseconds(200));
  }
  EXPECT_TRUE(place.is_loop_for(100));
}

}  // namespace
}  // namespace quorate::env_posix
