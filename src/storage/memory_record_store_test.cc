// The in-memory engine against the conformance test, with delays and pending lookups, and its crash rule.

#include "storage/memory_record_store.h"

#include <gtest/gtest.h>

#include "storage/record_store_conformance.h"
#include "storage/test_loop.h"

namespace quorate::storage {
namespace {

class MemorySubject final : public ConformanceSubject {
 public:
  explicit MemorySubject(std::uint64_t seed) : entropy_(seed) { reopen(); }
  [[nodiscard]] env::RecordStore& store() override { return *store_; }
  void kill_and_reopen() override {
    store_.reset();
    loop_.crash();
    records_.crash(entropy_.between(0, records_.unflushed()));
    reopen();
  }
  void let_run() override { loop_.pass(std::chrono::milliseconds(1)); }

 private:
  void reopen() {
    store_ = std::make_unique<MemoryRecordStore>(records_, loop_, loop_, entropy_);
    store_->behaviour = {.pending_per_million = 300'000,
                         .lookup_delay = std::chrono::milliseconds(3),
                         .flush_delay = std::chrono::milliseconds(20)};
  }
  TestEntropy entropy_;
  TestLoop loop_;
  MemoryRecords records_;
  std::unique_ptr<MemoryRecordStore> store_;
};

TEST(MemoryRecordStore, Conforms) {
  for (std::uint64_t seed = 1; seed <= 30 && !HasFailure(); ++seed) {
    SCOPED_TRACE(seed);
    MemorySubject subject(seed);
    check_conformance(subject, seed, 600);
  }
}

TEST(MemoryRecords, ACrashTakesWholeBatchesAndKeepsTheBytesRight) {
  MemoryRecords records;
  env::RecordBatch first;
  first.put(Buffer::copy_of("a"), Buffer::copy_of("1"));
  first.put(Buffer::copy_of("a"), Buffer::copy_of("22"));
  records.apply(first);
  env::RecordBatch second;
  second.erase_range(Buffer::copy_of("a"), Buffer::copy_of("b"));
  second.put(Buffer::copy_of("c"), Buffer::copy_of("3"));
  records.apply(second);
  EXPECT_EQ(records.unflushed(), 2U);
  EXPECT_EQ(records.bytes(), 2U);
  records.crash(1);
  EXPECT_EQ(records.find("a")->view(), "22");
  EXPECT_FALSE(records.find("c").has_value());
  EXPECT_EQ(records.bytes(), 3U);
  EXPECT_EQ(records.applied(), 1U);
}

TEST(MemoryRecordStore, ReportsAFailedFlushAndMakesNothingDurable) {
  MemoryRecords records;
  TestLoop loop;
  TestEntropy entropy(7);
  MemoryRecordStore store(records, loop, loop, entropy);
  store.behaviour.fail_flushes_per_million = 1'000'000;
  env::RecordBatch batch;
  batch.put(Buffer::copy_of("a"), Buffer::copy_of("1"));
  ASSERT_TRUE(store.write(std::move(batch)).has_value());
  struct Outcome {
    bool called = false;
    bool ok = true;
    void on_flushed(std::uint64_t, Status status) {
      called = true;
      ok = status.has_value();
    }
  } outcome;
  store.flush(Callback<Status>::to<&Outcome::on_flushed>(&outcome));
  EXPECT_FALSE(outcome.called);
  loop.pass(std::chrono::seconds(1));
  EXPECT_TRUE(outcome.called);
  EXPECT_FALSE(outcome.ok);
  EXPECT_EQ(records.unflushed(), 1U);
}

}  // namespace
}  // namespace quorate::storage
