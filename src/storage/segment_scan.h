#pragma once
// Reads a segment from its first frame to where its frames end, and judges the end.
//
// Invariants: 1. the visitor sees frames in order; it is told of every payload and every gap that is damaged. 2. what
// was confirmed is never judged torn unless its end frame is gone as well: see docs/formats/log.md, "The end of the
// log".
// 3. the work is bounded by a multiple of the segment's size, whatever the bytes are.
// Pure; used by recovery.

#include <cstdint>

#include "base/bytes.h"
#include "storage/log_format.h"

namespace quorate::storage {

/// Where and why a scan ended.
struct ScanEnd {
  enum class Kind : std::uint8_t {
    closed,     ///< behind a segment_end frame: the log goes on in the next segment
    cut,        ///< at the offset where an earlier recovery cut
    clean,      ///< behind a whole batch; nothing of this segment lies beyond
    torn,       ///< the last batch is incomplete: it was never confirmed
    uncertain,  ///< the last batch was written to its end, but is damaged
    foreign,    ///< a checksum holds over something that this program does not write
  };
  Kind kind = Kind::clean;
  std::uint64_t offset = kSegmentHeaderBytes;      ///< behind the last whole frame
  std::uint64_t last_batch = kSegmentHeaderBytes;  ///< where the batch of the last whole frame begins
  std::uint64_t torn_bytes = 0;                    ///< how far the torn or uncertain batch can be seen to reach
};

/// What is known of a segment from elsewhere.
struct SegmentBounds {
  std::uint64_t cut_at = 0;  ///< not 0: the next segment's header says that recovery found the end here
  bool log_goes_on = false;  ///< later segments hold frames: where this one stops reading, it is damaged
};

class FrameVisitor {
 public:
  virtual ~FrameVisitor() = default;
  /// `bytes` is the frame as it stands at `offset` of the segment. Its damaged payloads are marked.
  virtual void visit(std::uint64_t offset, Frame& frame, ByteView bytes) = 0;
  /// Here stood frames that were durable and cannot be read; `proof` is the offset of what tells so.
  virtual void lost(std::uint64_t from, std::uint64_t to, std::uint64_t proof) = 0;
};

[[nodiscard]] ScanEnd scan_segment(ByteView segment, const SegmentIdentity& identity, const SegmentBounds& bounds,
                                   FrameVisitor& visitor);

/// True if a frame of this segment stands anywhere in it.
[[nodiscard]] bool holds_frames(ByteView segment, const SegmentIdentity& identity);

}  // namespace quorate::storage
