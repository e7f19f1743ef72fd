#include "storage/liveness.h"

#include "base/assert.h"

namespace quorate::storage {

std::size_t Liveness::index_of(std::uint64_t serial) const {
  // Nearly always one of the newest: search from the back.
  for (std::size_t i = segments_.size(); i > 0; --i) {
    if (segments_[i - 1].first_serial <= serial) {
      return i - 1;
    }
  }
  return segments_.size();
}

Liveness::Counts* Liveness::counts_of(std::uint64_t serial) {
  QUORATE_ASSERT(serial != 0 && serial < next_serial_, "a frame has a serial", serial, next_serial_);
  if (!is_placed(serial)) {
    return &unplaced_[serial - first_unplaced()];
  }
  const std::size_t index = index_of(serial);
  return index == segments_.size() ? nullptr : &segments_[index].live;
}

void Liveness::add(std::uint64_t serial, std::size_t bytes) {
  Counts* counts = counts_of(serial);
  QUORATE_ASSERT(counts != nullptr, "a record is written to a live segment", serial);
  ++counts->records;
  counts->bytes += bytes;
}

void Liveness::remove(std::uint64_t serial, std::size_t bytes) {
  Counts* counts = counts_of(serial);
  if (counts == nullptr) {
    return;  // only planted bugs drop segments with live records
  }
  QUORATE_ASSERT(counts->records > 0 && counts->bytes >= bytes, "what is removed was added", serial, bytes);
  --counts->records;
  counts->bytes -= bytes;
}

void Liveness::place_up_to(std::uint64_t serial) {
  QUORATE_ASSERT(!segments_.empty(), "frames are placed in a segment");
  Counts& live = segments_.back().live;
  while (!unplaced_.empty() && first_unplaced() <= serial) {
    live.records += unplaced_.front().records;
    live.bytes += unplaced_.front().bytes;
    unplaced_.pop_front();
  }
}

std::uint64_t Liveness::first_needed() const {
  QUORATE_ASSERT(!segments_.empty(), "a log has a segment");
  for (const Segment& segment : segments_) {
    if (segment.live.records != 0) {
      return segment.sequence;
    }
  }
  return segments_.back().sequence;
}

void Liveness::drop_below(std::uint64_t sequence) {
  while (segments_.size() > 1 && segments_.front().sequence < sequence) {
    segments_.pop_front();
  }
}

std::uint64_t Liveness::segment_of(std::uint64_t serial) const {
  QUORATE_ASSERT(is_placed(serial), "only a placed frame has a segment", serial);
  const std::size_t index = index_of(serial);
  return index == segments_.size() ? 0 : segments_[index].sequence;
}

}  // namespace quorate::storage
