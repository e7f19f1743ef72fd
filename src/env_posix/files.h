#pragma once
// Files on a real file system, below one data directory.
//
// Invariants: 1. a durable write is pwritev and fdatasync, one write after the other, on the sync thread or, when
// nothing else is to be done, on the loop behind the turn's sends (sync_place.h); it completes on the loop. 2.
// preparing and closing files happens on the background thread, reading on the reader thread: neither waits for the
// other. 3. nothing is called back after the file or the file system was destroyed; destroying a file waits for its
// durable write, so that the writer's bytes may go away after it. 4. directories are made 0700 and files 0600; symbolic
// links are not followed. 5. a short write is continued, a failed one never repeated. Owned by `server`, on the loop.
// Paths are relative to the data directory.

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"
#include "env/files.h"
#include "env_posix/file_worker.h"
#include "env_posix/loop.h"
#include "env_posix/sync_place.h"

namespace quorate::env_posix {

/// Of all durable writes, for metrics. Read on any thread.
struct FileStats {
  std::atomic<std::uint64_t> syncs{0};
  std::atomic<std::uint64_t> syncs_on_loop{0};     ///< of these, without the sync thread
  std::atomic<std::uint64_t> sync_nanoseconds{0};  ///< of write and sync together
  std::atomic<std::uint64_t> longest_sync_nanoseconds{0};
  /// When the write under way began, in nanoseconds of the monotonic clock; 0: none. For a watchdog.
  std::atomic<std::int64_t> writing_since{0};
};

/// A descriptor that closes itself.
class Descriptor {
 public:
  Descriptor() = default;
  explicit Descriptor(int number) : number_(number) {}
  ~Descriptor();
  Descriptor(Descriptor&& other) noexcept : number_(other.number_) { other.number_ = -1; }
  Descriptor& operator=(Descriptor&& other) noexcept;
  [[nodiscard]] int get() const { return number_; }
  [[nodiscard]] bool is_open() const { return number_ >= 0; }

 private:
  int number_ = -1;
};

class PosixFiles final : public env::FileSystem {
 public:
  /// `root` exists: DataDirectory has made and checked it. `loop` outlives the result.
  [[nodiscard]] static Result<std::unique_ptr<PosixFiles>> open(const std::string& root, EventLoop& loop,
                                                                SyncPlace place = SyncPlace());
  ~PosixFiles() override;
  PosixFiles(const PosixFiles&) = delete;
  PosixFiles& operator=(const PosixFiles&) = delete;

  [[nodiscard]] Result<std::vector<std::string>> list(std::string_view directory) override;
  [[nodiscard]] Result<std::unique_ptr<env::File>> open(std::string_view path, env::OpenMode mode) override;
  [[nodiscard]] Status make_directory(std::string_view path) override;
  [[nodiscard]] Status rename(std::string_view from, std::string_view to) override;
  [[nodiscard]] Status remove(std::string_view path) override;
  [[nodiscard]] Status sync_directory(std::string_view directory) override;
  void prepare_async(std::string path, std::uint64_t size, Callback<Status> done) override;

  [[nodiscard]] const FileStats& stats() const { return *stats_; }

 private:
  class OpenFile;
  PosixFiles(Descriptor root, EventLoop& loop, SyncPlace place);

  const Descriptor root_;
  EventLoop& loop_;
  const std::shared_ptr<Poster> poster_;
  const std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);  ///< read and written on the loop only
  const std::shared_ptr<FileStats> stats_ = std::make_shared<FileStats>();
  SyncPlace sync_place_;
  FileWorker syncing_{"log-sync"};
  FileWorker reading_{"file-read"};
  FileWorker background_{"file-background"};
};

}  // namespace quorate::env_posix
