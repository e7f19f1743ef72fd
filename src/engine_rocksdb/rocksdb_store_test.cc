// RocksDB against the conformance test, with kills; and what the adapter adds: pending lookups, words for errors.

#include "engine_rocksdb/rocksdb_store.h"

#include <condition_variable>
#include <cstdlib>
#include <deque>
#include <filesystem>
#include <fstream>
#include <mutex>

#include <gtest/gtest.h>

#include "storage/record_store_conformance.h"

namespace quorate::engine_rocksdb {
namespace {

/// Stands in for the loop: runs what the engine's threads posted.
class Posted {
 public:
  [[nodiscard]] EngineHooks hooks() {
    return {.post =
                [this](std::function<void()> work) {
                  const std::lock_guard lock(mutex_);
                  work_.push_back(std::move(work));
                  arrived_.notify_one();
                },
            .failed = [this](const Error& error) { failure = error; }};
  }
  void run_one() {
    std::unique_lock lock(mutex_);
    if (!arrived_.wait_for(lock, std::chrono::milliseconds(100), [this] { return !work_.empty(); })) {
      return;
    }
    const std::function<void()> work = std::move(work_.front());
    work_.pop_front();
    lock.unlock();
    work();
  }
  void drop_all() {
    const std::lock_guard lock(mutex_);
    work_.clear();
  }
  std::optional<Error> failure;

 private:
  std::mutex mutex_;
  std::condition_variable arrived_;
  std::deque<std::function<void()>> work_;
};

class TemporaryDirectory {
 public:
  TemporaryDirectory() {
    char name[] = "/tmp/quorate-engine-XXXXXX";
    path = ::mkdtemp(name);
  }
  ~TemporaryDirectory() { std::filesystem::remove_all(path); }
  std::string path;
};

class RocksDbSubject final : public storage::ConformanceSubject {
 public:
  RocksDbSubject() { reopen(); }
  [[nodiscard]] env::RecordStore& store() override { return *store_; }
  void kill_and_reopen() override {
    store_.reset();
    posted_.drop_all();
    reopen();
  }
  void let_run() override { posted_.run_one(); }

 private:
  void reopen() {
    // A tiny cache, so that lookups must go to the disk.
    const EngineOptions options{.memtable_bytes = 64U << 10, .block_cache_bytes = 0, .lose_unflushed_on_close = true};
    auto opened = open_rocksdb_store(directory_.path + "/engine", options, posted_.hooks());
    ASSERT_TRUE(opened.has_value()) << opened.error().text;
    store_ = std::move(*opened);
  }
  TemporaryDirectory directory_;
  Posted posted_;
  std::unique_ptr<env::RecordStore> store_;
};

TEST(RocksDbStore, Conforms) {
  for (std::uint64_t seed = 1; seed <= 4 && !HasFailure(); ++seed) {
    SCOPED_TRACE(seed);
    RocksDbSubject subject;
    storage::check_conformance(subject, seed, 400);
  }
}

struct Told {
  int ready = 0;
  int flushed = 0;
  void on_ready(std::uint64_t) { ++ready; }
  void on_flushed(std::uint64_t, Status status) { flushed += status.has_value() ? 1 : 0; }
};

TEST(RocksDbStore, ALookupFromTheDiskIsPendingThenAnswersWhatIsNewest) {
  RocksDbSubject subject;
  Told told;
  env::RecordBatch batch;
  batch.put(Buffer::copy_of("a"), Buffer::copy_of("old"));
  batch.put(Buffer::copy_of("b"), Buffer::copy_of("kept"));
  ASSERT_TRUE(subject.store().write(std::move(batch)).has_value());
  subject.store().flush(Callback<Status>::to<&Told::on_flushed>(&told));
  for (int i = 0; i < 100 && told.flushed == 0; ++i) {
    subject.let_run();
  }
  const auto ready = Callback<>::to<&Told::on_ready>(&told);
  ASSERT_EQ(subject.store().get("a", ready).state, env::Lookup::State::pending);
  ASSERT_EQ(subject.store().get("b", ready).state, env::Lookup::State::pending);
  env::RecordBatch newer;
  newer.put(Buffer::copy_of("a"), Buffer::copy_of("new"));
  ASSERT_TRUE(subject.store().write(std::move(newer)).has_value());
  for (int i = 0; i < 100 && told.ready < 2; ++i) {
    subject.let_run();
  }
  ASSERT_EQ(told.ready, 2);
  EXPECT_EQ(subject.store().get("a", ready).value.view(), "new");
  EXPECT_EQ(subject.store().get("b", ready).value.view(), "kept");
}

TEST(RocksDbStore, ADamagedRecordIsNeverAbsent) {
  TemporaryDirectory directory;
  Posted posted;
  const std::string path = directory.path + "/engine";
  const EngineOptions options{.block_cache_bytes = 0};
  Told told;
  {
    auto store = open_rocksdb_store(path, options, posted.hooks());
    ASSERT_TRUE(store.has_value());
    env::RecordBatch batch;
    for (int i = 0; i < 2000; ++i) {
      batch.put(Buffer::adopt("key" + std::to_string(10000 + i)), Buffer::adopt(std::string(100, 'v')));
    }
    ASSERT_TRUE((*store)->write(std::move(batch)).has_value());
    (*store)->flush(Callback<Status>::to<&Told::on_flushed>(&told));
    for (int i = 0; i < 100 && told.flushed == 0; ++i) {
      posted.run_one();
    }
  }
  for (const auto& file : std::filesystem::directory_iterator(path)) {
    if (file.path().extension() == ".sst") {
      std::fstream damage(file.path(), std::ios::in | std::ios::out | std::ios::binary);
      damage.seekp(300);
      damage.write("damage", 6);
    }
  }
  auto store = open_rocksdb_store(path, options, posted.hooks());
  ASSERT_TRUE(store.has_value()) << store.error().text;
  const auto found = (*store)->get("key10001", Callback<>::to<&Told::on_ready>(&told));
  EXPECT_EQ(found.state, env::Lookup::State::pending);
  for (int i = 0; i < 50 && !posted.failure.has_value(); ++i) {
    posted.run_one();
  }
  ASSERT_TRUE(posted.failure.has_value());
  EXPECT_EQ(posted.failure->code, ErrorCode::corrupt) << posted.failure->text;
  EXPECT_EQ(told.ready, 0);
  const auto cursor = (*store)->scan("key1", "key2");
  while (cursor->valid()) {
    cursor->next();
  }
  EXPECT_FALSE(cursor->status().has_value());
}

struct Verified {
  std::optional<Status> status;
  void on_done(std::uint64_t, Status said) { status = std::move(said); }
};

/// Blocks that are in the cache too: what the disk holds counts.
TEST(RocksDbStore, VerifyFindsADamagedFile) {
  TemporaryDirectory directory;
  Posted posted;
  const std::string path = directory.path + "/engine";
  auto store = open_rocksdb_store(path, {}, posted.hooks());
  ASSERT_TRUE(store.has_value());
  env::RecordBatch batch;
  for (int i = 0; i < 2000; ++i) {
    batch.put(Buffer::adopt("key" + std::to_string(10000 + i)), Buffer::adopt(std::string(100, 'v')));
  }
  ASSERT_TRUE((*store)->write(std::move(batch)).has_value());
  Told told;
  (*store)->flush(Callback<Status>::to<&Told::on_flushed>(&told));
  for (int i = 0; i < 100 && told.flushed == 0; ++i) {
    posted.run_one();
  }
  const auto verify = [&] {
    Verified verified;
    (*store)->verify(Callback<Status>::to<&Verified::on_done>(&verified));
    for (int i = 0; i < 100 && !verified.status; ++i) {
      posted.run_one();
    }
    EXPECT_TRUE(verified.status.has_value());
    return verified.status.value_or(Status());
  };
  EXPECT_TRUE(verify().has_value());
  for (const auto& file : std::filesystem::directory_iterator(path)) {
    if (file.path().extension() == ".sst") {
      std::fstream damage(file.path(), std::ios::in | std::ios::out | std::ios::binary);
      damage.seekp(300);
      damage.write("damage", 6);
    }
  }
  const Status found = verify();
  ASSERT_FALSE(found.has_value());
  EXPECT_EQ(found.error().code, ErrorCode::corrupt) << found.error().text;
}

TEST(RocksDbStore, AnOrderlyCloseKeepsEverything) {
  TemporaryDirectory directory;
  Posted posted;
  for (int life = 0; life < 2; ++life) {
    auto store = open_rocksdb_store(directory.path + "/engine", {}, posted.hooks());
    ASSERT_TRUE(store.has_value());
    if (life == 0) {
      env::RecordBatch batch;
      batch.put(Buffer::copy_of("a"), Buffer::copy_of("1"));
      ASSERT_TRUE((*store)->write(std::move(batch)).has_value());
      EXPECT_GT((*store)->size_bytes(), 0U);
    } else {
      EXPECT_EQ((**(*store)->get_blocking("a")).view(), "1");
    }
    EXPECT_FALSE((*store)->stalled());
  }
}

}  // namespace
}  // namespace quorate::engine_rocksdb
