#include "storage/segment_files.h"

#include <algorithm>
#include <array>

#include "base/assert.h"

namespace quorate::storage {
namespace {

constexpr std::string_view kPrefix = "segment-";
constexpr std::size_t kDigits = 6;
constexpr std::uint64_t kZeroChunk = 256U << 10;

}  // namespace

std::string SegmentFiles::name_of(std::uint32_t number) {
  std::string digits = std::to_string(number);
  if (digits.size() < kDigits) {
    digits.insert(0, kDigits - digits.size(), '0');
  }
  return std::string(kPrefix) + digits;
}

std::optional<std::uint32_t> SegmentFiles::number_of(std::string_view name) {
  if (!name.starts_with(kPrefix) || name.size() < kPrefix.size() + kDigits || name.size() > kPrefix.size() + 9) {
    return std::nullopt;
  }
  std::uint32_t number = 0;
  for (const char digit : name.substr(kPrefix.size())) {
    if (digit < '0' || digit > '9') {
      return std::nullopt;
    }
    number = number * 10 + static_cast<std::uint32_t>(digit - '0');
  }
  return number;
}

Result<SegmentFile> SegmentFiles::create_blocking(std::uint64_t size) {
  SegmentFile segment;
  segment.number = ++last_number_;
  segment.size = size;
  auto opened = files_.open(path_of(segment.number), env::OpenMode::create_new);
  if (!opened.has_value()) {
    return std::unexpected(opened.error());
  }
  segment.file = std::move(*opened);
  const std::string zeros(std::min(size, kZeroChunk), '\0');
  for (std::uint64_t at = 0; at < size; at += zeros.size()) {
    QUORATE_TRY(segment.file->write(at, ByteView(zeros).substr(0, std::min<std::uint64_t>(zeros.size(), size - at))));
  }
  QUORATE_TRY(segment.file->sync());
  QUORATE_TRY(files_.sync_directory(directory_));
  return segment;
}

Status SegmentFiles::write_header_blocking(SegmentFile& segment) {
  segment.header.capacity = segment.size;
  QUORATE_TRY(segment.file->write(0, encode_segment_header(segment.header)));
  return segment.file->sync();
}

void SegmentFiles::adopt_spare(SegmentFile segment) {
  // What a crash left half prepared, the small first segment and what is too many are not worth keeping.
  if (segment.size < options_.segment_bytes || spares_.size() > options_.spare_segments) {
    const std::string path = path_of(segment.number);
    segment.file.reset();
    (void)files_.remove(path);  // if it stays, it is a spare again after the next start
    return;
  }
  segment.end = kSegmentHeaderBytes;
  spares_.push_back(std::make_unique<SegmentFile>(std::move(segment)));
}

SegmentFile* SegmentFiles::find(std::uint64_t sequence) {
  const auto found =
      std::ranges::find_if(live_, [sequence](const auto& segment) { return segment->header.sequence == sequence; });
  return found == live_.end() ? nullptr : found->get();
}

void SegmentFiles::prepare(std::uint64_t first_live, bool needed) {
  first_live_ = first_live;
  if (next_ == nullptr) {
    const auto idle = std::ranges::find_if(spares_, [](const auto& spare) { return spare->reads == 0; });
    if (idle != spares_.end()) {
      next_ = std::move(*idle);
      spares_.erase(idle);
      write_next_header(first_live);
    }
  }
  const std::size_t ahead = spares_.size() + (next_ != nullptr ? 1 : 0);
  if (!preparing_ && (needed || !prepare_failed_) && ahead < std::max(options_.spare_segments, 1U)) {
    preparing_ = true;
    const std::uint32_t number = ++last_number_;
    files_.prepare_async(path_of(number), options_.segment_bytes,
                         Callback<Status>::to<&SegmentFiles::on_prepared>(this, number));
  }
}

void SegmentFiles::write_next_header(std::uint64_t first_live) {
  next_->header = {.log_id = active().header.log_id,
                   .sequence = active().header.sequence + 1,
                   .first_live = first_live,
                   .capacity = next_->size};
  next_->end = kSegmentHeaderBytes;
  header_bytes_ = encode_segment_header(next_->header);
  header_part_ = header_bytes_;
  next_->file->write_durably(0, {&header_part_, 1}, Callback<Status>::to<&SegmentFiles::on_header_written>(this));
}

void SegmentFiles::on_header_written(std::uint64_t, Status status) {
  next_ready_ = status.has_value();
  header_failed_ = !next_ready_;
  changed_(std::move(status));
}

void SegmentFiles::on_prepared(std::uint64_t number, Status status) {
  preparing_ = false;
  prepare_failed_ = !status.has_value();
  if (prepare_failed_) {
    changed_(std::move(status));
    return;
  }
  auto opened = files_.open(path_of(static_cast<std::uint32_t>(number)), env::OpenMode::existing);
  if (!opened.has_value()) {
    prepare_failed_ = true;
    changed_(std::unexpected(opened.error()));
    return;
  }
  SegmentFile segment;
  segment.number = static_cast<std::uint32_t>(number);
  segment.size = options_.segment_bytes;
  segment.file = std::move(*opened);
  adopt_spare(std::move(segment));
  prepare(first_live_);
}

void SegmentFiles::activate_next() {
  QUORATE_ASSERT(next_ready_, "the next segment's header is durable before its first frame");
  live_.push_back(std::move(next_));
  next_ready_ = false;
}

std::size_t SegmentFiles::release_below(std::uint64_t sequence) {
  std::size_t released = 0;
  while (live_.size() > 1 && oldest_sequence() < sequence && live_.front()->reads == 0) {
    std::unique_ptr<SegmentFile> oldest = std::move(live_.front());
    live_.pop_front();
    adopt_spare(std::move(*oldest));
    ++released;
  }
  return released;
}

}  // namespace quorate::storage
