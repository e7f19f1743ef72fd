#pragma once
// Which segments of the log still hold something that is needed.
//
// Every frame has a serial number, rising in the order of append. A record (an entry, a state, a base, a cell) lives in
// the frame that wrote it last. Invariants: 1. a segment counts exactly the live records of its frames. 2. frames are
// placed in the order of their serials. 3. segments are dropped from the oldest on only.
// Owned by the log, on its loop.

#include <cstddef>
#include <cstdint>
#include <deque>

namespace quorate::storage {

class Liveness {
 public:
  struct Counts {
    std::uint64_t records = 0;
    std::uint64_t bytes = 0;
  };
  struct Segment {
    std::uint64_t sequence = 0;
    std::uint64_t first_serial = 0;  ///< frames from here on, up to the next segment's first
    Counts live;
  };

  /// A new frame, not placed yet.
  [[nodiscard]] std::uint64_t new_frame() {
    unplaced_.emplace_back();
    return next_serial_++;
  }
  /// The frame wrote a record of about `bytes` bytes.
  void add(std::uint64_t serial, std::size_t bytes);
  /// The record was overwritten or removed.
  void remove(std::uint64_t serial, std::size_t bytes);

  /// From now on frames are placed in this segment.
  void open_segment(std::uint64_t sequence) {
    segments_.push_back({.sequence = sequence, .first_serial = first_unplaced(), .live = {}});
  }
  /// Places every frame up to and including `serial` in the newest segment.
  void place_up_to(std::uint64_t serial);

  /// The oldest segment that is needed, if all frames so far become durable.
  [[nodiscard]] std::uint64_t first_needed() const;
  /// Forgets segments below `sequence`.
  void drop_below(std::uint64_t sequence);

  [[nodiscard]] const std::deque<Segment>& segments() const { return segments_; }
  /// The newest frame's serial; 0 before the first.
  [[nodiscard]] std::uint64_t last_serial() const { return next_serial_ - 1; }
  /// The segment of a placed frame.
  [[nodiscard]] std::uint64_t segment_of(std::uint64_t serial) const;
  [[nodiscard]] bool is_placed(std::uint64_t serial) const { return serial < first_unplaced(); }

 private:
  [[nodiscard]] std::uint64_t first_unplaced() const { return next_serial_ - unplaced_.size(); }
  [[nodiscard]] Counts* counts_of(std::uint64_t serial);
  /// Index of the segment of a placed frame; segments_.size() if it was dropped.
  [[nodiscard]] std::size_t index_of(std::uint64_t serial) const;

  std::uint64_t next_serial_ = 1;
  std::deque<Segment> segments_;  ///< oldest first
  std::deque<Counts> unplaced_;   ///< of the newest frames
};

}  // namespace quorate::storage
