#include "storage/log_recovery.h"

#include <algorithm>
#include <map>
#include <optional>
#include <utility>
#include <vector>

#include "base/assert.h"
#include "base/plant.h"
#include "storage/log_damage.h"
#include "storage/segment_scan.h"

namespace quorate::storage {
namespace {

/// A new log starts with a small segment, so that the first start need not wait for a large one.
constexpr std::uint64_t kFirstSegmentBytes = 4U << 20;
/// Of a file behind the log's end, so much is looked at for a frame that should not be there.
constexpr std::uint64_t kFirstFrameBytes = 1U << 20;
constexpr std::string_view kAdvice =
    ". This node must not go on with it: remove its data directory and let it rejoin as a new member, or restore the "
    "directory from a copy taken while it was stopped.";

std::unexpected<Error> damaged(const std::string& path, std::uint64_t offset, const std::string& what) {
  return fail(ErrorCode::corrupt, "The write-ahead log is damaged: " + path + ", offset " + std::to_string(offset) +
                                      ": " + what + std::string(kAdvice));
}

/// Applies the frames of one segment to the index.
class Replay final : public FrameVisitor {
 public:
  Replay(Liveness& liveness, LogIndex& index, Recovery& recovery, LogDamage& damage)
      : liveness_(liveness), index_(index), recovery_(recovery), damage_(damage) {}

  /// The file whose frames come now, and which segment it is.
  void begin(std::string path, std::uint64_t sequence) {
    path_ = std::move(path);
    sequence_ = sequence;
  }

  void visit(std::uint64_t offset, Frame& frame, ByteView bytes) override {
    if (frame.kind != FrameKind::group) {
      end_ = frame.end;
      return;
    }
    checksums_.clear();
    for (const Frame::Payload& payload : frame.payloads) {
      frame.ops[payload.op].entry.payload = Buffer::copy_of(bytes.substr(payload.offset, payload.size));
      checksums_.push_back(payload.checksum);
    }
    const std::uint64_t serial = liveness_.new_frame();
    index_.apply(frame.group, frame.ops, serial, checksums_);
    liveness_.place_up_to(serial);
    for (const Frame::Payload& payload : frame.payloads) {
      index_.place(frame.group, frame.ops[payload.op].entry.id.position, serial,
                   static_cast<std::uint32_t>(offset + payload.offset));
      if (payload.damaged) {
        const EntryId& id = frame.ops[payload.op].entry.id;
        index_.mark_damaged(frame.group, id.position, serial);
        damage_.note(sequence_, path_ + ", offset " + std::to_string(offset + payload.offset) +
                                    ": the payload of group " + std::to_string(frame.group.value()) +
                                    "'s entry at position " + std::to_string(id.position.value()) +
                                    " does not have its checksum");
      }
    }
    ++recovery_.frames;
  }
  void lost(std::uint64_t from, std::uint64_t to, std::uint64_t proof) override {
    if (QUORATE_PLANT(lost_frames_ignored)) {
      return;
    }
    damage_.note(sequence_, path_ + ", offset " + std::to_string(from) + ": no whole frame stands here, up to offset " +
                                std::to_string(to) + ", although offset " + std::to_string(proof) +
                                " proves that what stood here was durable");
    damage_.on_lost(liveness_.last_serial() + 1);
  }
  /// Of the last batch that was read to its end.
  [[nodiscard]] const EndFrame& end() const { return end_; }
  void set_end(const EndFrame& end) { end_ = end; }

 private:
  Liveness& liveness_;
  LogIndex& index_;
  Recovery& recovery_;
  LogDamage& damage_;
  std::string path_;
  std::uint64_t sequence_ = 0;
  EndFrame end_;
  std::vector<std::uint32_t> checksums_;
};

class LogRecovery {
 public:
  LogRecovery(env::FileSystem& files, std::string directory, const LogOptions& options, SegmentFiles& segments,
              Liveness& liveness, LogIndex& index, Recovery& recovery)
      : files_(files),
        directory_(std::move(directory)),
        options_(options),
        segments_(segments),
        liveness_(liveness),
        index_(index),
        recovery_(recovery),
        replay_(liveness, index, recovery, damage_) {}

  [[nodiscard]] Result<LogTail> run(env::Entropy& entropy) {
    QUORATE_TRY(find_files());
    if (by_sequence_.empty()) {
      QUORATE_TRY(create(entropy));
    } else {
      QUORATE_TRY(choose_segments());
      QUORATE_TRY(replay_segments());
      QUORATE_TRY(continue_tail());
    }
    for (SegmentFile& spare : unused_) {
      segments_.adopt_spare(std::move(spare));
    }
    recovery_.uncertain_tail = uncertain_;
    recovery_.groups = damage_.judge(index_);
    recovery_.damage = damage_.notes();
    recovery_.lost_frames = damage_.lost_frames();
    return LogTail{.first_live = std::max<std::uint64_t>(first_live_, 1),
                   .uncertain = uncertain_,
                   .first_damaged = damage_.first_segment()};
  }

 private:
  [[nodiscard]] Status find_files();
  [[nodiscard]] Status sort_in(SegmentFile segment);
  [[nodiscard]] Status choose_one(SegmentFile& kept, SegmentFile other);
  [[nodiscard]] Status create(env::Entropy& entropy);
  [[nodiscard]] Status choose_segments();
  [[nodiscard]] Status replay_segments();
  [[nodiscard]] Status judge(std::uint64_t sequence, const ScanEnd& end);
  [[nodiscard]] Result<bool> goes_on_behind(std::uint64_t sequence);
  [[nodiscard]] Status check_log_ends(std::uint64_t sequence);
  [[nodiscard]] Status make_durable(SegmentFile& segment, ByteView bytes, const ScanEnd& end);
  [[nodiscard]] Status continue_tail();
  [[nodiscard]] Status start_behind_cut(std::uint64_t cut_at);
  [[nodiscard]] Result<std::string> read_whole(SegmentFile& segment) {
    return segment.file->read(0, static_cast<std::size_t>(segment.size));
  }

  [[nodiscard]] Result<std::string> read_beginning(SegmentFile& segment) {
    const auto size = std::min(segment.size, kSegmentHeaderBytes + kFirstFrameBytes);
    return segment.file->read(0, static_cast<std::size_t>(size));
  }

  env::FileSystem& files_;
  const std::string directory_;
  const LogOptions& options_;
  SegmentFiles& segments_;
  Liveness& liveness_;
  LogIndex& index_;
  Recovery& recovery_;
  LogDamage damage_;
  Replay replay_;

  std::map<std::uint64_t, SegmentFile> by_sequence_;  ///< files with a readable header
  std::vector<SegmentFile> unused_;                   ///< without, or no longer needed
  std::uint64_t log_id_ = 0;
  std::uint64_t start_ = 0;  ///< the first segment that is read
  std::uint64_t tail_ = 0;   ///< the segment in which the log ends
  ScanEnd tail_end_;
  std::uint64_t first_live_ = 0;
  bool uncertain_ = false;
};

Status LogRecovery::find_files() {
  if (Status made = files_.make_directory(directory_);
      !made.has_value() && made.error().code != ErrorCode::already_exists) {
    return made;
  }
  QUORATE_TRY(files_.sync_directory(""));
  // A killed process may have created files whose names are not durable; this one may write to them.
  if (!QUORATE_PLANT(segment_names_not_synced)) {
    QUORATE_TRY(files_.sync_directory(directory_));
  }
  auto names = files_.list(directory_);
  if (!names.has_value()) {
    return std::unexpected(names.error());
  }
  for (const std::string& name : *names) {
    const std::optional<std::uint32_t> number = SegmentFiles::number_of(name);
    if (!number.has_value()) {
      continue;
    }
    segments_.saw_number(*number);
    auto opened = files_.open(directory_ + "/" + name, env::OpenMode::existing);
    if (!opened.has_value()) {
      return std::unexpected(opened.error());
    }
    SegmentFile segment;
    segment.number = *number;
    segment.file = std::move(*opened);
    const Result<std::uint64_t> size = segment.file->size();
    if (!size.has_value()) {
      return std::unexpected(size.error());
    }
    segment.size = *size;
    QUORATE_TRY(sort_in(std::move(segment)));
  }
  return {};
}

/// Reads the header, and decides whether the file is a segment or unused.
Status LogRecovery::sort_in(SegmentFile segment) {
  if (segment.size < kSegmentHeaderBytes) {
    unused_.push_back(std::move(segment));  // a crash left it half prepared
    return {};
  }
  const Result<std::string> block = segment.file->read(0, kSegmentHeaderBytes);
  if (!block.has_value()) {
    return std::unexpected(block.error());
  }
  const Result<SegmentHeader> header = decode_segment_header(*block);
  const std::string path = segments_.path_of(segment.number);
  if (!header.has_value()) {
    if (header.error().code == ErrorCode::newer_format) {
      return fail(ErrorCode::newer_format, path + ": " + header.error().text);
    }
    unused_.push_back(std::move(segment));  // never used, or a header write that was torn
    return {};
  }
  segment.header = *header;
  if (log_id_ != 0 && header->log_id != log_id_) {
    return fail(ErrorCode::corrupt, path + " belongs to another log than the other segments in " + directory_ +
                                        "; was it copied from another node? Move it away.");
  }
  log_id_ = header->log_id;
  const auto place = by_sequence_.find(header->sequence);
  if (place == by_sequence_.end()) {
    by_sequence_.emplace(header->sequence, std::move(segment));
    return {};
  }
  return choose_one(place->second, std::move(segment));
}

/// Two files say that they are the same segment. That is harmless if one was only prepared: a later start may have
/// prepared another. `kept` stays in the table.
Status LogRecovery::choose_one(SegmentFile& kept, SegmentFile other) {
  const SegmentIdentity identity{log_id_, other.header.sequence};
  const Result<std::string> kept_bytes = read_whole(kept);
  const Result<std::string> other_bytes = read_whole(other);
  if (!kept_bytes.has_value() || !other_bytes.has_value()) {
    return std::unexpected(!kept_bytes.has_value() ? kept_bytes.error() : other_bytes.error());
  }
  const bool kept_used = holds_frames(*kept_bytes, identity);
  const bool other_used = holds_frames(*other_bytes, identity);
  if (kept_used && other_used) {
    return fail(ErrorCode::corrupt, segments_.path_of(kept.number) + " and " + segments_.path_of(other.number) +
                                        " are both segment " + std::to_string(identity.sequence) +
                                        "; was one copied? Move the copy away.");
  }
  if (other_used || (!kept_used && other.header.previous_cut_at != 0)) {
    std::swap(kept, other);
  }
  unused_.push_back(std::move(other));
  return {};
}

Status LogRecovery::create(env::Entropy& entropy) {
  for (SegmentFile& segment : unused_) {
    const Result<std::string> bytes = read_whole(segment);
    if (!bytes.has_value()) {
      return std::unexpected(bytes.error());
    }
    const std::size_t found =
        ByteView(*bytes).substr(std::min<std::size_t>(bytes->size(), kSegmentHeaderBytes)).find_first_not_of('\0');
    if (found != ByteView::npos) {
      return damaged(segments_.path_of(segment.number), 0,
                     "no segment of the log has a readable header, yet there is data");
    }
  }
  auto created = segments_.create_blocking(std::min(options_.segment_bytes, kFirstSegmentBytes));
  if (!created.has_value()) {
    return std::unexpected(created.error());
  }
  created->header = {.log_id = entropy.between(1, UINT64_MAX), .sequence = 1, .first_live = 1};
  QUORATE_TRY(segments_.write_header_blocking(*created));
  liveness_.open_segment(1);
  segments_.adopt_live(std::move(*created));
  first_live_ = 1;
  return {};
}

/// The segments to read are the newest ones without a gap, from what their headers say is needed.
Status LogRecovery::choose_segments() {
  for (const auto& [sequence, segment] : by_sequence_) {
    first_live_ = std::max(first_live_, segment.header.first_live);
  }
  const std::uint64_t newest = by_sequence_.rbegin()->first;
  std::uint64_t lowest = newest;
  while (lowest > 1 && by_sequence_.contains(lowest - 1)) {
    --lowest;
  }
  start_ = std::max(lowest, std::min(first_live_, newest));
  while (by_sequence_.begin()->first < start_) {
    unused_.push_back(std::move(by_sequence_.begin()->second));
    by_sequence_.erase(by_sequence_.begin());
  }
  return {};
}

Status LogRecovery::replay_segments() {
  for (auto at = by_sequence_.begin(); at != by_sequence_.end() && tail_ == 0; ++at) {
    auto& [sequence, segment] = *at;
    const std::string path = segments_.path_of(segment.number);
    if (segment.size < segment.header.capacity) {
      return damaged(
          path, segment.size,
          "the file is shorter than the " + std::to_string(segment.header.capacity) + " bytes that it was made with");
    }
    const Result<std::string> bytes = read_whole(segment);
    if (!bytes.has_value()) {
      return std::unexpected(bytes.error());
    }
    const auto next = std::next(at);
    const Result<bool> goes_on = goes_on_behind(sequence);
    if (!goes_on.has_value()) {
      return std::unexpected(goes_on.error());
    }
    const SegmentBounds bounds{.cut_at = next == by_sequence_.end() ? 0 : next->second.header.previous_cut_at,
                               .log_goes_on = *goes_on};
    liveness_.open_segment(sequence);
    if (segment.header.previous_cut_at != 0) {
      replay_.set_end({.first_live = segment.header.first_live, .uncertain_tail = segment.header.uncertain_tail});
    }
    replay_.begin(path, sequence);
    const ScanEnd end = scan_segment(*bytes, {log_id_, sequence}, bounds, replay_);
    segment.end = end.offset;
    if (!damage_.notes().empty() && !options_.open_damaged) {
      return fail(ErrorCode::corrupt,
                  "The write-ahead log is damaged: " + damage_.notes().front() + std::string(kAdvice));
    }
    if (replay_.end().first_live > sequence) {
      return damaged(path, end.offset, "an end frame says that its own segment is not needed");
    }
    first_live_ = std::max(first_live_, replay_.end().first_live);
    uncertain_ = replay_.end().uncertain_tail;
    QUORATE_TRY(judge(sequence, end));
    QUORATE_TRY(make_durable(segment, *bytes, end));
  }
  if (first_live_ < start_ && !damage_.lost_frames()) {  // else what was lost may have said that it is not needed
    return damaged(directory_, 0, "segment " + std::to_string(start_ - 1) + " is missing or its header is damaged");
  }
  return {};
}

/// What was read of the segment may be in the page cache only, since the process was killed before its sync, or because
/// its sync failed: then the kernel takes the pages for written, and no further sync writes them (F-D4). So the header
/// and the last batch are written again; what stands before them was durable before the last batch was begun.
Status LogRecovery::make_durable(SegmentFile& segment, ByteView bytes, const ScanEnd& end) {
  if (!QUORATE_PLANT(page_cache_trusted)) {
    QUORATE_TRY(segment.file->write(0, bytes.substr(0, kSegmentHeaderBytes)));
    const std::uint64_t from = std::min(end.last_batch, end.offset);
    QUORATE_TRY(segment.file->write(from, bytes.substr(from, end.offset - from)));
  }
  return segment.file->sync();
}

/// Decides what the end of a segment means, given the segments behind it.
Status LogRecovery::judge(std::uint64_t sequence, const ScanEnd& end) {
  SegmentFile& segment = by_sequence_.at(sequence);
  const std::string path = segments_.path_of(segment.number);
  const auto next = by_sequence_.find(sequence + 1);
  switch (end.kind) {
    case ScanEnd::Kind::closed:
      if (next == by_sequence_.end()) {
        return damaged(path, end.offset,
                       "the log goes on in segment " + std::to_string(sequence + 1) +
                           ", which is missing or whose header is damaged");
      }
      return {};
    case ScanEnd::Kind::cut: return {};
    case ScanEnd::Kind::foreign:
      return damaged(path, end.offset, "a frame has its checksum, but is none that this program writes");
    case ScanEnd::Kind::clean:
    case ScanEnd::Kind::torn:
    case ScanEnd::Kind::uncertain: break;
  }
  QUORATE_TRY(check_log_ends(sequence));
  tail_ = sequence;
  tail_end_ = end;
  return {};
}

/// True if a later segment was in use already: then this one does not end the log, whatever can be read of it.
Result<bool> LogRecovery::goes_on_behind(std::uint64_t sequence) {
  for (auto later = by_sequence_.upper_bound(sequence); later != by_sequence_.end(); ++later) {
    const Result<std::string> bytes = read_beginning(later->second);
    if (!bytes.has_value()) {
      return std::unexpected(bytes.error());
    }
    if (later->first > sequence + 1 || holds_frames(*bytes, {log_id_, later->first})) {
      return true;
    }
  }
  return false;
}

/// The log ends in this segment, unless the next one lost its header.
Status LogRecovery::check_log_ends(std::uint64_t sequence) {
  for (SegmentFile& segment : unused_) {
    const Result<std::string> bytes = read_beginning(segment);
    if (!bytes.has_value()) {
      return std::unexpected(bytes.error());
    }
    if (frame_head_valid(*bytes, kSegmentHeaderBytes, {log_id_, sequence + 1})) {
      return damaged(segments_.path_of(segment.number), 0,
                     "this is not the header of segment " + std::to_string(sequence + 1) + ", but its frames follow");
    }
  }
  return {};
}

Status LogRecovery::continue_tail() {
  QUORATE_ASSERT(tail_ != 0, "the newest segment ends the log");
  for (auto& [sequence, segment] : by_sequence_) {
    if (sequence <= tail_) {
      segments_.adopt_live(std::move(segment));
    } else {
      unused_.insert(unused_.begin(), std::move(segment));  // its header is older than a cut: it is written anew
    }
  }
  if (tail_end_.kind == ScanEnd::Kind::clean) {
    return {};
  }
  recovery_.torn_bytes = tail_end_.torn_bytes;
  uncertain_ = uncertain_ || tail_end_.kind == ScanEnd::Kind::uncertain;
  return start_behind_cut(tail_end_.offset);
}

/// Starts the next segment, whose header says where the one before it ends.
Status LogRecovery::start_behind_cut(std::uint64_t cut_at) {
  const auto usable = std::ranges::find_if(unused_, [this](const SegmentFile& segment) {
    return segment.size >= options_.segment_bytes || segment.header.sequence == tail_ + 1;
  });
  std::optional<SegmentFile> next;
  if (usable != unused_.end()) {
    next = std::move(*usable);
    unused_.erase(usable);
  } else {
    auto created = segments_.create_blocking(std::min(options_.segment_bytes, kFirstSegmentBytes));
    if (!created.has_value()) {
      return std::unexpected(created.error());
    }
    next = std::move(*created);
  }
  next->header = {.log_id = log_id_,
                  .sequence = tail_ + 1,
                  .first_live = first_live_,
                  .previous_cut_at = cut_at,
                  .uncertain_tail = uncertain_};
  next->end = kSegmentHeaderBytes;
  QUORATE_TRY(segments_.write_header_blocking(*next));
  liveness_.open_segment(tail_ + 1);
  segments_.adopt_live(std::move(*next));
  return {};
}

}  // namespace

Result<LogTail> recover_log(env::FileSystem& files, env::Entropy& entropy, const std::string& directory,
                            const LogOptions& options, SegmentFiles& segments, Liveness& liveness, LogIndex& index,
                            Recovery& recovery) {
  return LogRecovery(files, directory, options, segments, liveness, index, recovery).run(entropy);
}

}  // namespace quorate::storage
