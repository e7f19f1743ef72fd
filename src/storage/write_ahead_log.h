#pragma once
// The log at work: appends become batches, one write at a time, and confirmations come back.
//
// Invariants: 1. at most one batch is being written; the next begins where it ends. 2. nothing is confirmed that is not
// durable; after a failure nothing is confirmed. 3. an end frame's first_live speaks only of what its own batch and
// those before it contain. 4. a mark is written at most once per quiet period.
// Owned by the node's host, on the loop.

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "storage/liveness.h"
#include "storage/log.h"
#include "storage/log_batch.h"
#include "storage/log_index.h"
#include "storage/log_recovery.h"
#include "storage/segment_files.h"

namespace quorate::storage {

class WriteAheadLog final : public Log {
 public:
  WriteAheadLog(env::FileSystem& files, env::Loop& loop, env::Clock& clock, std::string directory, LogOptions options);
  ~WriteAheadLog() override;
  WriteAheadLog(const WriteAheadLog&) = delete;
  WriteAheadLog& operator=(const WriteAheadLog&) = delete;

  [[nodiscard]] Status recover(env::FileSystem& files, env::Entropy& entropy, const std::string& directory,
                               Recovery& recovery);

  void set_events(LogEvents* events) override;
  void append(GroupId group, Io io, std::vector<LogOp> ops) override;
  [[nodiscard]] std::optional<Tag> tag_of(GroupId group, Position position) const override;
  [[nodiscard]] Position tail_begin(GroupId group, std::uint64_t max_entries, std::uint64_t max_bytes) const override {
    return index_.tail_begin(group, max_entries, max_bytes);
  }
  [[nodiscard]] bool cached(GroupId group, Position first, Position last, std::size_t max_bytes,
                            std::vector<LogEntry>& out) const override;
  [[nodiscard]] bool is_payload_of(GroupId group, EntryId id, ByteView payload) const override;
  void fetch(GroupId group, Position first, Position last, std::size_t max_bytes, Callback<Status> done) override;
  void verify(Callback<Status> done) override;
  void tail_settled() override;
  void damage_noted() override { pinned_from_ = kNoSegment; }
  [[nodiscard]] std::uint64_t added_frames() const override { return liveness_.last_serial(); }
  [[nodiscard]] std::uint64_t durable_frames() const override { return durable_serial_; }
  [[nodiscard]] std::size_t unsynced_bytes() const override { return unsynced_bytes_; }
  [[nodiscard]] const LogStats& stats() const override { return stats_; }

 private:
  static constexpr std::uint64_t kNoSegment = UINT64_MAX;

  struct Fetch {
    GroupId group;
    FetchPlan plan;
    Callback<Status> done;  ///< not set: for the log itself
  };

  /// How far a reading of everything has come.
  struct Verification {
    Callback<Status> done;
    std::pair<GroupId, Position> behind;
    FetchPlan read;  ///< under way
    env::TimerId pause = 0;
  };

  // Verifying.
  void verify_next(std::uint64_t);
  void on_verified(std::uint64_t, Result<Buffer> bytes);
  void end_verification(const Status& status);

  // Writing.
  LogBatch& open_batch(std::uint64_t more_bytes);
  void seal_newest();
  void schedule(bool gives_way = true);
  void on_turn_end(std::uint64_t);
  void try_write();
  [[nodiscard]] bool fits(std::uint64_t bytes);
  void start_write(LogBatch batch, FrameKind end_kind);
  void on_written(std::uint64_t, Status status);
  void confirm(const LogBatch& batch);
  void fail_log(const Error& error);
  void on_tell_failure(std::uint64_t);
  void on_segments_changed(std::uint64_t, Status status);

  // Idle marks.
  void note_activity();
  void on_quiet(std::uint64_t);

  // Segments that are no longer needed, or nearly.
  void release_segments(std::uint64_t first_live);
  void move_old_records();
  [[nodiscard]] std::optional<std::size_t> oldest_to_empty() const;
  void start_fetch(GroupId group, FetchPlan plan, Callback<Status> done);
  void on_nothing_to_fetch(std::uint64_t token);
  void on_fetched(std::uint64_t token, Result<Buffer> bytes);
  [[nodiscard]] Status install(const Fetch& fetch, const Result<Buffer>& bytes);
  /// Whether what was read has its checksums.
  [[nodiscard]] static Status check(const FetchPlan& plan, const Result<Buffer>& bytes);

  env::Loop& loop_;
  env::Clock& clock_;
  const LogOptions options_;
  const std::uint64_t batch_bytes_;  ///< of one write, at most
  LogEvents* events_ = nullptr;
  Liveness liveness_;
  LogIndex index_;
  LogStats stats_;

  std::deque<LogBatch> queue_;         ///< waiting; the last one takes new frames
  std::unique_ptr<LogBatch> writing_;  ///< being written
  SegmentFiles segments_;              ///< behind `writing_`: a file's end waits for the write that reads from it
  bool scheduled_ = false;
  std::optional<Error> failure_;  ///< set: nothing is written or confirmed any more
  bool waiting_ = false;          ///< the queue waits for the next segment
  bool uncertain_ = false;
  std::uint64_t first_live_ = 1;            ///< durable
  std::uint64_t pinned_from_ = kNoSegment;  ///< the first damaged segment, until damage_noted()
  std::uint64_t durable_serial_ = 0;
  std::size_t unsynced_bytes_ = 0;

  bool marked_ = true;  ///< the last durable batch is known durable by a later one, or none was written
  env::TimerId quiet_timer_ = 0;
  Instant last_activity_{};

  std::map<std::uint64_t, Fetch> fetches_;
  std::uint64_t last_fetch_ = 0;
  std::optional<Verification> verification_;
  bool moving_ = false;  ///< a payload is being read that must be moved
};

}  // namespace quorate::storage
