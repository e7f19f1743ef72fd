// Who asks for a view gets one that has everything that it could have seen.

#include "group/record_pins.h"

#include <gtest/gtest.h>

#include "storage/memory_record_store.h"
#include "storage/test_files.h"
#include "storage/test_loop.h"

namespace quorate::group {
namespace {

constexpr state::RecordSpace kSpace{GroupId(1), Generation(2)};

class RecordPinsTest : public testing::Test {
 protected:
  void write(const state::RecordSpace& space, std::string_view name) {
    env::RecordBatch batch;
    batch.put(Buffer::adopt(std::string(space.first().view()) + std::string(name)), Buffer::copy_of("v"));
    ASSERT_TRUE(records_.write(std::move(batch)));
  }
  void on_pinned(std::uint64_t number, PinnedRecords records) {
    std::string names;
    for (const auto& walk : {records.first, records.second}) {
      for (; walk->valid(); walk->next()) {
        names += walk->key().substr(state::kSpaceBytes);
      }
      names += '/';
    }
    got_[number] = names + std::to_string(records.position.value());
  }
  void ask(std::uint64_t number, std::uint64_t at_least) {
    pins_.ask(Position(at_least), Callback<PinnedRecords>::to<&RecordPinsTest::on_pinned>(this, number));
  }

  storage::TestLoop loop_;
  storage::TestEntropy entropy_{1};
  storage::MemoryRecords memory_;
  storage::MemoryRecordStore records_{memory_, loop_, loop_, entropy_};
  RecordPins pins_{records_};
  std::map<std::uint64_t, std::string> got_;
};

TEST_F(RecordPinsTest, WaitsUntilTheEngineHasWhatWasExecuted) {
  write(kSpace, "a");
  ask(1, 4);
  ask(2, 6);
  pins_.serve(kSpace, Position(3));
  EXPECT_TRUE(got_.empty());
  write(kSpace, "b");
  pins_.serve(kSpace, Position(5));
  EXPECT_EQ(got_, (std::map<std::uint64_t, std::string>{{1, "ab/ab/5"}}));
  got_.clear();
  write(kSpace, "c");
  pins_.serve(kSpace, Position(6));
  EXPECT_EQ(got_, (std::map<std::uint64_t, std::string>{{2, "abc/abc/6"}}));
}

TEST_F(RecordPinsTest, ShowsNothingOfOtherGroupsAndGenerations) {
  write({GroupId(1), Generation(1)}, "old");
  write(kSpace, "a");
  write({GroupId(1), Generation(3)}, "new");
  write({GroupId(2), Generation(2)}, "other");
  ask(1, 1);
  pins_.serve(kSpace, Position(1));
  EXPECT_EQ(got_[1], "a/a/1");
}

TEST_F(RecordPinsTest, CallsNobodyAfterAStop) {
  ask(1, 1);
  pins_.stop();
  pins_.serve(kSpace, Position(1));
  EXPECT_TRUE(got_.empty());
}

}  // namespace
}  // namespace quorate::group
