#pragma once
// The bytes of a log segment: header, frames, batches. docs/formats/log.md describes them one by one.
//
// Invariants: 1. a frame's checksum is seeded with log, segment and offset: it is valid in one place only. 2. every
// payload has a checksum of its own inside its frame's description, so that no byte is summed twice. 3. a batch begins
// where the one before it ended, and that one was durable before: a frame tells by `batch_start` what it knew durable.
// 4. every batch ends with an end frame: damage in front of a readable one was no torn write's prefix.
// Pure; any thread.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/ids.h"
#include "base/result.h"
#include "storage/log.h"

namespace quorate::storage {

inline constexpr std::uint32_t kLogFormatVersion = 1;
inline constexpr std::uint64_t kSegmentHeaderBytes = 4096;  ///< frames begin here
inline constexpr std::uint64_t kHeaderCopyBytes = 64;
inline constexpr std::uint64_t kHeaderSecondCopyAt = 2048;

/// Who a segment is. Written and durable before its first frame.
struct SegmentHeader {
  std::uint64_t log_id = 0;           ///< random, the same in all segments of a log
  std::uint64_t sequence = 0;         ///< 1, 2, 3, ... in the order of use; never used twice
  std::uint64_t first_live = 0;       ///< segments below it were no longer needed when this was written
  std::uint64_t capacity = 0;         ///< bytes of the file when it was made: a shorter file is damaged
  std::uint64_t previous_cut_at = 0;  ///< not 0: recovery found that the segment before ends at this offset
  bool uncertain_tail = false;        ///< and what was cut there may have been confirmed
  friend bool operator==(const SegmentHeader&, const SegmentHeader&) = default;
};

/// The whole header block, with both copies.
[[nodiscard]] std::string encode_segment_header(const SegmentHeader& header);
/// corrupt: no copy is readable. newer_format: written by a later version; the text names both.
[[nodiscard]] Result<SegmentHeader> decode_segment_header(ByteView block);

/// What a frame's checksum is seeded with beside its offset.
struct SegmentIdentity {
  std::uint64_t log_id = 0;
  std::uint64_t sequence = 0;
};

enum class FrameKind : std::uint8_t {
  group = 1,        ///< one Persist of a group
  batch_end = 2,    ///< the last frame of a write
  segment_end = 3,  ///< likewise, and the log goes on in the next segment
};

inline constexpr std::size_t kFrameHeadBytes = 16;
inline constexpr std::size_t kTerminatorBytes = 8;  ///< zeros behind a batch: no frame begins with them
/// Room for an end frame and its terminator.
inline constexpr std::size_t kEndRoom = kFrameHeadBytes + 16 + kTerminatorBytes;
/// Frames and batches are smaller than this, whatever the options say.
inline constexpr std::uint64_t kMostFrameBytes = 1ULL << 30;

/// The fixed part of a frame. Its description (`meta`) follows, then the payloads.
struct FrameHead {
  std::uint32_t checksum = 0;     ///< over identity, offset, the three fields below and the description
  std::uint32_t batch_start = 0;  ///< everything in front of this offset was durable when the frame was written
  std::uint32_t size = 0;         ///< of head, description and payloads
  std::uint32_t meta_size = 0;
};

[[nodiscard]] FrameHead read_frame_head(ByteView bytes);
/// Fills in the head at `head_at` of `bytes`, whose description stands behind it, for the place `offset`.
void seal_frame(std::string& bytes, std::size_t head_at, FrameHead head, const SegmentIdentity& identity,
                std::uint64_t offset);
/// True if a head and description at `offset` of `segment` are whole and belong there. Payloads are not looked at.
[[nodiscard]] bool frame_head_valid(ByteView segment, std::uint64_t offset, const SegmentIdentity& identity);

/// The contents of an end frame.
struct EndFrame {
  std::uint64_t first_live = 0;  ///< segments below it are not needed once this frame is durable
  bool uncertain_tail = false;   ///< an uncertain tail was found and not settled yet
};

/// Appends an unsealed head and the description of an end frame.
void append_end_frame(std::string& out, FrameKind kind, const EndFrame& end);

/// Appends the description (not the head) of a group's frame, and to `checksums` those of its puts' payloads. The
/// payloads follow the description in the order of the puts.
void append_group_meta(std::string& out, GroupId group, Io io, const std::vector<LogOp>& ops,
                       std::vector<std::uint32_t>& checksums);

/// A decoded frame. Payloads of puts are not set; `payloads` tells where they are, one per put, in order.
struct Frame {
  struct Payload {
    std::size_t op = 0;        ///< index in `ops`
    std::uint32_t offset = 0;  ///< from the frame's first byte
    std::uint32_t size = 0;
    std::uint32_t checksum = 0;
    bool damaged = false;  ///< set by the scan
  };
  FrameKind kind = FrameKind::group;
  GroupId group;
  Io io;
  std::vector<LogOp> ops;
  std::vector<Payload> payloads;
  EndFrame end;
};

/// Decodes a frame whose head is valid; nullopt if the description does not parse or its payloads do not fill it.
[[nodiscard]] std::optional<Frame> decode_frame(ByteView frame);

}  // namespace quorate::storage
