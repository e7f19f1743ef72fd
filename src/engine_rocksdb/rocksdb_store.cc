#include "engine_rocksdb/rocksdb_store.h"

#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <map>
#include <thread>
#include <utility>
#include <vector>

#include <fcntl.h>
#include <rocksdb/db.h>
#include <rocksdb/listener.h>
#include <rocksdb/sst_file_reader.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/assert.h"
#include "engine_rocksdb/job_thread.h"
#include "engine_rocksdb/rocksdb_options.h"

namespace quorate::engine_rocksdb {
namespace {

constexpr std::size_t kMostFetchedRecords = 1024;
/// While all files are read again.
constexpr auto kPauseBetweenFiles = std::chrono::milliseconds(500);
constexpr auto kPauseSlice = std::chrono::milliseconds(50);

rocksdb::Slice slice_of(ByteView bytes) { return {bytes.data(), bytes.size()}; }
ByteView view_of(const rocksdb::Slice& slice) { return {slice.data(), slice.size()}; }

/// What RocksDB's threads tell: read by the loop without a lock.
class Watcher final : public rocksdb::EventListener {
 public:
  explicit Watcher(std::function<void(Error)> failed) : failed_(std::move(failed)) {}

  void OnMemTableSealed(const rocksdb::MemTableInfo&) override { ++sealed_; }
  void OnFlushCompleted(rocksdb::DB* db, const rocksdb::FlushJobInfo&) override { look(db); }
  void OnCompactionCompleted(rocksdb::DB* db, const rocksdb::CompactionJobInfo&) override { look(db); }
  void OnBackgroundError(rocksdb::BackgroundErrorReason, rocksdb::Status* status) override {
    failed_(engine_error("go on", *status));
  }

  void look(rocksdb::DB* db) {
    std::uint64_t value = 0;
    if (db->GetIntProperty("rocksdb.num-immutable-mem-table", &value)) {
      sealed_ = static_cast<int>(value);
    }
    std::string text;
    if (db->GetProperty("rocksdb.num-files-at-level0", &text)) {
      level0_files_ = std::atoi(text.c_str());
    }
    if (db->GetIntProperty("rocksdb.live-sst-files-size", &value)) {
      file_bytes_ = value;
    }
  }
  [[nodiscard]] bool stalled() const { return sealed_ >= kPushBackMemtables || level0_files_ >= kPushBackFiles; }
  [[nodiscard]] std::uint64_t file_bytes() const { return file_bytes_; }

 private:
  const std::function<void(Error)> failed_;
  std::atomic<int> sealed_{0};
  std::atomic<int> level0_files_{0};
  std::atomic<std::uint64_t> file_bytes_{0};
};

/// Makes the engine's directory and its name durable: the log is discarded because of what lies in it.
Status make_directory(const std::string& directory) {
  if (::mkdir(directory.c_str(), 0700) != 0 && errno != EEXIST) {
    return fail(ErrorCode::io, "cannot make directory '" + directory + "': " + std::strerror(errno));
  }
  const int parent = ::open((directory + "/..").c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  const bool synced = parent >= 0 && ::fsync(parent) == 0;
  const int reason = errno;
  if (parent >= 0) {
    ::close(parent);
  }
  if (!synced) {
    return fail(ErrorCode::io, "cannot sync the directory above '" + directory + "': " + std::strerror(reason));
  }
  return {};
}

/// Pins the view at once, and looks for the first record when it is asked for: that may read the disk, on whatever
/// thread asks.
class Cursor final : public env::RecordCursor {
 public:
  Cursor(rocksdb::DB& db, ByteView from, ByteView to) : from_(from), to_(to), upper_(to_) {
    rocksdb::ReadOptions options;
    options.iterate_upper_bound = &upper_;
    options.verify_checksums = true;
    options.fill_cache = false;                           // a scan reads each block once
    options.background_purge_on_iterator_cleanup = true;  // a long walk's end must not delete files on the loop
    iterator_.reset(db.NewIterator(options));
  }
  Cursor(const Cursor&) = delete;
  Cursor& operator=(const Cursor&) = delete;
  [[nodiscard]] bool valid() const override {
    if (!std::exchange(is_placed_, true)) {
      iterator_->Seek(slice_of(from_));
    }
    return iterator_->Valid();
  }
  [[nodiscard]] ByteView key() const override { return view_of(iterator_->key()); }
  [[nodiscard]] ByteView value() const override { return view_of(iterator_->value()); }
  void next() override { iterator_->Next(); }
  [[nodiscard]] Status status() const override {
    const rocksdb::Status status = iterator_->status();
    return status.ok() ? Status{} : std::unexpected(engine_error("scan", status));
  }

 private:
  const std::string from_;
  const std::string to_;
  const rocksdb::Slice upper_;
  mutable bool is_placed_ = false;
  std::unique_ptr<rocksdb::Iterator> iterator_;
};

class RocksDbStore final : public env::RecordStore {
 public:
  explicit RocksDbStore(EngineHooks hooks) : hooks_(std::move(hooks)) {
    write_options_.disableWAL = true;
    cached_only_.read_tier = rocksdb::kBlockCacheTier;
  }
  ~RocksDbStore() override {
    *alive_ = false;
    is_closing_ = true;
    verifier_.reset();
    flusher_.reset();
    scanner_.reset();
    reader_.reset();
  }
  RocksDbStore(const RocksDbStore&) = delete;
  RocksDbStore& operator=(const RocksDbStore&) = delete;

  [[nodiscard]] Status open(const std::string& directory, const EngineOptions& options) {
    QUORATE_TRY(make_directory(directory));
    rocksdb::Options settings = make_rocksdb_options(options);
    watcher_ = std::make_shared<Watcher>([post = hooks_.post, failed = hooks_.failed, alive = alive_](Error error) {
      post([failed, alive, error = std::move(error)] {
        if (*alive && failed) {
          failed(error);
        }
      });
    });
    settings.listeners.push_back(watcher_);
    rocksdb::DB* db = nullptr;
    if (const rocksdb::Status status = rocksdb::DB::Open(settings, directory, &db); !status.ok()) {
      return std::unexpected(engine_error("open", status));
    }
    db_.reset(db);
    watcher_->look(db);
    reader_ = std::make_unique<JobThread>("engine-read");
    scanner_ = std::make_unique<JobThread>("engine-scan");
    flusher_ = std::make_unique<JobThread>("engine-flush");
    verifier_ = std::make_unique<JobThread>("engine-verify");
    return {};
  }

  [[nodiscard]] env::Lookup get(ByteView key, Callback<> ready) override;
  [[nodiscard]] Result<std::optional<Buffer>> get_blocking(ByteView key) override;
  [[nodiscard]] std::unique_ptr<env::RecordCursor> scan(ByteView from, ByteView to) override {
    return std::make_unique<Cursor>(*db_, from, to);
  }
  void read_page_async(std::shared_ptr<env::RecordCursor> cursor, std::size_t max_bytes,
                       Callback<Result<env::RecordPage>> done) override;
  [[nodiscard]] Status write(env::RecordBatch batch) override;
  void flush(Callback<Status> done) override;
  void verify(Callback<Status> done) override;
  [[nodiscard]] bool stalled() const override { return watcher_->stalled(); }
  [[nodiscard]] std::uint64_t size_bytes() const override { return watcher_->file_bytes() + unflushed_bytes_; }

 private:
  /// A record that is being read from the disk, or was.
  struct Fetch {
    std::vector<Callback<>> waiting;  ///< empty once it is there
    bool stale = false;               ///< written meanwhile: what was read does not count
    std::optional<Buffer> value;
  };

  void start_fetch(const std::string& key);
  void on_fetched(const std::string& key, const Result<std::optional<Buffer>>& value);
  void forget(ByteView from, ByteView to);
  [[nodiscard]] Status verify_files() const;

  const EngineHooks hooks_;
  rocksdb::WriteOptions write_options_;
  rocksdb::ReadOptions cached_only_;
  const std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);  ///< used on the loop only
  std::shared_ptr<Watcher> watcher_;
  std::unique_ptr<rocksdb::DB> db_;
  std::map<std::string, Fetch, std::less<>> fetches_;
  std::uint64_t unflushed_bytes_ = 0;
  std::unique_ptr<JobThread> reader_;
  std::unique_ptr<JobThread> scanner_;
  std::unique_ptr<JobThread> flusher_;
  std::unique_ptr<JobThread> verifier_;
  std::atomic<bool> is_closing_ = false;  ///< the verifier ends at the next file
};

env::Lookup RocksDbStore::get(ByteView key, Callback<> ready) {
  QUORATE_ASSERT(static_cast<bool>(ready), "a lookup may be pending: it needs a callback");
  rocksdb::PinnableSlice value;
  const rocksdb::Status status = db_->Get(cached_only_, db_->DefaultColumnFamily(), slice_of(key), &value);
  if (status.ok()) {
    return {env::Lookup::State::value, Buffer::copy_of(view_of(value))};
  }
  if (status.IsNotFound()) {
    return {env::Lookup::State::absent, {}};
  }
  // Not in memory, or not readable: the reader thread finds out which.
  const auto [fetch, inserted] = fetches_.try_emplace(std::string(key));
  if (!inserted && fetch->second.waiting.empty() && !fetch->second.stale) {
    std::optional<Buffer> found = std::move(fetch->second.value);
    fetches_.erase(fetch);
    return found.has_value() ? env::Lookup{env::Lookup::State::value, std::move(*found)}
                             : env::Lookup{env::Lookup::State::absent, {}};
  }
  fetch->second.waiting.push_back(ready);
  if (inserted) {
    start_fetch(fetch->first);
  }
  return {env::Lookup::State::pending, {}};
}

void RocksDbStore::start_fetch(const std::string& key) {
  reader_->add([this, key, alive = alive_] {
    Result<std::optional<Buffer>> value = get_blocking(key);
    hooks_.post([this, key, alive, value = std::move(value)] {
      if (*alive) {
        on_fetched(key, value);
      }
    });
  });
}

void RocksDbStore::on_fetched(const std::string& key, const Result<std::optional<Buffer>>& value) {
  const auto found = fetches_.find(key);
  QUORATE_ASSERT(found != fetches_.end(), "a fetch ends once");
  if (!value.has_value()) {
    if (hooks_.failed) {
      hooks_.failed(value.error());
    }
    return;  // stays pending for ever: absent would be a lie
  }
  const std::vector<Callback<>> waiting = std::exchange(found->second.waiting, {});
  if (found->second.stale || fetches_.size() > kMostFetchedRecords) {
    fetches_.erase(found);  // the block is in the cache now, or the record in a memtable
  } else {
    found->second.value = *value;
  }
  for (const Callback<>& ready : waiting) {
    ready();
  }
}

/// What was fetched of the keys from <= key < to no longer counts.
void RocksDbStore::forget(ByteView from, ByteView to) {
  for (auto at = fetches_.lower_bound(from); at != fetches_.end() && at->first < to;) {
    if (at->second.waiting.empty()) {
      at = fetches_.erase(at);
    } else {
      at->second.stale = true;
      ++at;
    }
  }
}

Result<std::optional<Buffer>> RocksDbStore::get_blocking(ByteView key) {
  rocksdb::PinnableSlice value;
  const rocksdb::Status status = db_->Get(rocksdb::ReadOptions(), db_->DefaultColumnFamily(), slice_of(key), &value);
  if (status.ok()) {
    return Buffer::copy_of(view_of(value));
  }
  if (status.IsNotFound()) {
    return std::nullopt;
  }
  return std::unexpected(engine_error("read", status));
}

/// On a thread of its own: lookups must not wait behind a long scan.
void RocksDbStore::read_page_async(std::shared_ptr<env::RecordCursor> cursor, std::size_t max_bytes,
                                   Callback<Result<env::RecordPage>> done) {
  scanner_->add([this, cursor = std::move(cursor), max_bytes, done, alive = alive_] {
    Result<env::RecordPage> page = env::read_page(*cursor, max_bytes);
    hooks_.post([done, alive, page = std::move(page)]() mutable {
      if (*alive) {
        done(std::move(page));
      }
    });
  });
}

Status RocksDbStore::write(env::RecordBatch batch) {
  using Kind = env::RecordBatch::Op::Kind;
  rocksdb::WriteBatch out;
  for (const env::RecordBatch::Op& op : batch.ops) {
    const rocksdb::Slice key = slice_of(op.key.view());
    rocksdb::Status status;
    switch (op.kind) {
      case Kind::put: status = out.Put(key, slice_of(op.value.view())); break;
      case Kind::erase: status = out.Delete(key); break;
      case Kind::erase_range: status = out.DeleteRange(key, slice_of(op.value.view())); break;
    }
    if (!status.ok()) {
      return std::unexpected(engine_error("take a batch", status));
    }
    if (!fetches_.empty()) {
      const std::string behind = std::string(op.key.view()) + '\0';
      forget(op.key.view(), op.kind == Kind::erase_range ? op.value.view() : ByteView(behind));
    }
  }
  unflushed_bytes_ += out.GetDataSize();
  if (const rocksdb::Status status = db_->Write(write_options_, &out); !status.ok()) {
    return std::unexpected(engine_error("write", status));
  }
  return {};
}

void RocksDbStore::flush(Callback<Status> done) {
  flusher_->add([this, done, covered = unflushed_bytes_, alive = alive_] {
    rocksdb::FlushOptions options;
    options.wait = true;
    options.allow_write_stall = true;  // it would otherwise wait until a stall is over
    const rocksdb::Status status = db_->Flush(options);
    hooks_.post([this, done, covered, alive, status] {
      if (*alive) {
        unflushed_bytes_ -= std::min(unflushed_bytes_, covered);
        done(status.ok() ? Status{} : std::unexpected(engine_error("flush", status)));
      }
    });
  });
}

void RocksDbStore::verify(Callback<Status> done) {
  verifier_->add([this, done, alive = alive_] {
    hooks_.post([done, alive, status = verify_files()] {
      if (*alive) {
        done(status);
      }
    });
  });
}

/// File after file, with pauses: others want the disk too. What cannot be opened was merged into another file
/// meanwhile.
Status RocksDbStore::verify_files() const {
  std::vector<rocksdb::LiveFileMetaData> files;
  db_->GetLiveFilesMetaData(&files);
  for (const rocksdb::LiveFileMetaData& file : files) {
    rocksdb::SstFileReader reader(db_->GetOptions());
    const rocksdb::Status opened = reader.Open(file.db_path + file.name);
    const rocksdb::Status status = opened.ok() ? reader.VerifyChecksum(rocksdb::ReadOptions()) : opened;
    if (status.IsCorruption()) {
      return std::unexpected(engine_error(("verify its file " + file.name).c_str(), status));
    }
    for (auto waited = kPauseSlice; waited <= kPauseBetweenFiles && !is_closing_; waited += kPauseSlice) {
      std::this_thread::sleep_for(kPauseSlice);
    }
    if (is_closing_) {
      break;
    }
  }
  return {};
}

}  // namespace

Result<std::unique_ptr<env::RecordStore>> open_rocksdb_store(const std::string& directory, const EngineOptions& options,
                                                             EngineHooks hooks) {
  auto store = std::make_unique<RocksDbStore>(std::move(hooks));
  QUORATE_TRY(store->open(directory, options));
  return store;
}

}  // namespace quorate::engine_rocksdb
