#pragma once
// The files of the log: live segments, the next one, and spares.
//
// A file is never renamed: its header says which segment it is, so that going on to the next segment changes no
// directory. Invariants: 1. the next segment's header is durable before its first frame. 2. a header is written only
// over a file that no live segment uses. 3. at most one header write and one preparation are under way.
// Owned by the log, on its loop.

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/callback.h"
#include "base/result.h"
#include "env/files.h"
#include "storage/log.h"
#include "storage/log_format.h"

namespace quorate::storage {

/// One open file of the log.
struct SegmentFile {
  std::uint32_t number = 0;  ///< in its name
  std::unique_ptr<env::File> file;
  std::uint64_t size = 0;                   ///< bytes that were prepared
  SegmentHeader header;                     ///< of a live or next segment
  std::uint64_t end = kSegmentHeaderBytes;  ///< where the next batch begins
  std::uint32_t reads = 0;                  ///< under way: the file must stay open
};

class SegmentFiles {
 public:
  /// `changed` is called when the next segment became ready, and with the reason why there may be none.
  SegmentFiles(env::FileSystem& files, std::string directory, const LogOptions& options, Callback<Status> changed)
      : files_(files), directory_(std::move(directory)), options_(options), changed_(changed) {}

  [[nodiscard]] static std::string name_of(std::uint32_t number);
  [[nodiscard]] static std::optional<std::uint32_t> number_of(std::string_view name);
  [[nodiscard]] std::string path_of(std::uint32_t number) const { return directory_ + "/" + name_of(number); }

  /// Recovery: blocking.
  [[nodiscard]] Result<SegmentFile> create_blocking(std::uint64_t size);
  [[nodiscard]] Status write_header_blocking(SegmentFile& segment);
  void adopt_live(SegmentFile segment) { live_.push_back(std::make_unique<SegmentFile>(std::move(segment))); }
  void adopt_spare(SegmentFile segment);
  void saw_number(std::uint32_t number) { last_number_ = last_number_ < number ? number : last_number_; }

  [[nodiscard]] SegmentFile& active() { return *live_.back(); }
  [[nodiscard]] SegmentFile* find(std::uint64_t sequence);
  [[nodiscard]] std::size_t live_count() const { return live_.size(); }
  [[nodiscard]] std::uint64_t oldest_sequence() const { return live_.front()->header.sequence; }
  [[nodiscard]] bool next_ready() const { return next_ready_; }
  /// A header could not be written: the file may not be used and the log cannot go on.
  [[nodiscard]] bool header_failed() const { return header_failed_; }

  /// Sees to it that a next segment and the spares exist. `first_live` is what a new header may say: durable already.
  /// After a preparation failed (disk full), another is tried only if the next segment is `needed` now.
  void prepare(std::uint64_t first_live, bool needed = false);
  /// The next segment becomes the active one. It must be ready.
  void activate_next();
  /// Segments below `sequence` are not needed by anything durable: they become spares. Returns how many.
  std::size_t release_below(std::uint64_t sequence);

 private:
  void write_next_header(std::uint64_t first_live);
  void on_header_written(std::uint64_t token, Status status);
  void on_prepared(std::uint64_t number, Status status);

  env::FileSystem& files_;
  const std::string directory_;
  const LogOptions& options_;
  const Callback<Status> changed_;
  std::string header_bytes_;  ///< of the header write under way; in front of the files, whose end waits for it
  ByteView header_part_;
  std::deque<std::unique_ptr<SegmentFile>> live_;  ///< oldest first; the last is active
  std::unique_ptr<SegmentFile> next_;
  bool next_ready_ = false;
  bool header_failed_ = false;
  std::vector<std::unique_ptr<SegmentFile>> spares_;
  std::uint32_t last_number_ = 0;
  std::uint64_t first_live_ = 0;
  bool preparing_ = false;
  bool prepare_failed_ = false;
};

}  // namespace quorate::storage
