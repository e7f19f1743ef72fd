#include "storage/segment_scan.h"

#include <algorithm>
#include <cstring>

#include "base/plant.h"
#include "codec/crc32c.h"

namespace quorate::storage {
namespace {

constexpr std::size_t kBlock = 4096;

bool all_zero(ByteView bytes) {
  return bytes.empty() || (bytes[0] == '\0' && std::memcmp(bytes.data(), bytes.data() + 1, bytes.size() - 1) == 0);
}

/// The next offset at or behind `from` where a head of this segment is valid; the segment's size if there is none.
/// `budget` bounds the bytes summed on the way; it is set to 0 when it does not suffice.
std::uint64_t next_valid_head(ByteView segment, const SegmentIdentity& identity, std::uint64_t from,
                              std::uint64_t& budget) {
  for (std::uint64_t at = from; at + kFrameHeadBytes < segment.size();) {
    if (at % kBlock == 0 && all_zero(segment.substr(at, kBlock))) {
      at += kBlock - 3;  // a head may begin with up to three zeros of this block
      continue;
    }
    const FrameHead head = read_frame_head(segment.substr(at, kFrameHeadBytes));
    const std::uint64_t left = segment.size() - at;
    const bool plausible = head.batch_start >= kSegmentHeaderBytes && head.batch_start <= at && head.meta_size != 0 &&
                           head.size <= left && head.size > kFrameHeadBytes &&
                           head.meta_size <= head.size - kFrameHeadBytes;
    if (plausible) {
      if (frame_head_valid(segment, at, identity)) {
        return at;
      }
      if (budget <= head.meta_size) {
        budget = 0;
        return segment.size();
      }
      budget -= head.meta_size;
    }
    ++at;
  }
  return segment.size();
}

/// Marks the payloads that do not have their checksum. True if there are none.
bool check_payloads(Frame& frame, ByteView bytes) {
  if (QUORATE_PLANT(torn_tail_accepted) || QUORATE_PLANT(skip_crc_check)) {
    return true;
  }
  bool whole = true;
  for (Frame::Payload& payload : frame.payloads) {
    payload.damaged = codec::crc32c(bytes.substr(payload.offset, payload.size)) != payload.checksum;
    whole &= !payload.damaged;
  }
  return whole;
}

/// Judges the end at `end.offset`, where no whole frame stands. `in_batch`: frames of its batch stand before it.
/// Returns 0, or the offset of a frame that proves that what stood here was durable: then this is no end.
std::uint64_t judge_end(ByteView segment, const SegmentIdentity& identity, bool in_batch, ScanEnd& end) {
  std::uint64_t budget = 16 * segment.size();
  std::uint64_t reach = end.offset;
  bool batch_complete = false;  // or it cannot be told with a bounded effort
  for (std::uint64_t at = next_valid_head(segment, identity, end.offset, budget); at < segment.size();
       at = next_valid_head(segment, identity, at + 1, budget)) {
    const ByteView bytes = segment.substr(at);
    const FrameHead head = read_frame_head(bytes);
    if (head.batch_start > end.offset) {
      return at;
    }
    const auto kind = static_cast<FrameKind>(bytes[kFrameHeadBytes]);
    batch_complete = batch_complete || kind == FrameKind::batch_end || kind == FrameKind::segment_end;
    reach = at + head.size;
  }
  batch_complete = batch_complete || budget == 0;
  const ByteView rest = segment.substr(std::min<std::uint64_t>(end.offset, segment.size()));
  const bool ends_in_zeros = all_zero(rest.substr(0, kTerminatorBytes));
  if (batch_complete) {
    end.kind = ScanEnd::Kind::uncertain;
  } else if (in_batch || reach > end.offset || !ends_in_zeros) {
    end.kind = ScanEnd::Kind::torn;
    reach = std::max<std::uint64_t>(reach, end.offset + std::min<std::uint64_t>(rest.size(), kFrameHeadBytes));
  } else {
    end.kind = ScanEnd::Kind::clean;
  }
  end.torn_bytes = reach - end.offset;
  return 0;
}

/// One scan over one segment.
class Scan {
 public:
  Scan(ByteView segment, const SegmentIdentity& identity, const SegmentBounds& bounds, FrameVisitor& visitor)
      : segment_(segment), identity_(identity), bounds_(bounds), visitor_(visitor) {}

  [[nodiscard]] ScanEnd run() {
    while (true) {
      if (bounds_.cut_at != 0 && end_.offset >= bounds_.cut_at) {
        end_.kind = end_.offset == bounds_.cut_at ? ScanEnd::Kind::cut : ScanEnd::Kind::foreign;
        return end_;
      }
      if (!(frame_head_valid(segment_, end_.offset, identity_) ? read_frame() : skip_unreadable())) {
        return end_;
      }
    }
  }

 private:
  /// A head stands here. False: the scan is over.
  bool read_frame() {
    const FrameHead head = read_frame_head(segment_.substr(end_.offset));
    const ByteView bytes = segment_.substr(end_.offset, head.size);
    std::optional<Frame> frame = decode_frame(bytes);
    if (!frame.has_value() || (head.batch_start != batch_start_ && !behind_gap_)) {
      end_.kind = ScanEnd::Kind::foreign;  // the checksum holds, so these bytes were written, but not by this program
      return false;
    }
    if (!check_payloads(*frame, bytes) && !is_damage()) {
      return false;
    }
    behind_gap_ = false;
    batch_start_ = end_.last_batch = head.batch_start;
    visitor_.visit(end_.offset, *frame, bytes);
    end_.offset += head.size;
    if (frame->kind == FrameKind::segment_end) {
      end_.kind = ScanEnd::Kind::closed;
      return false;
    }
    if (frame->kind == FrameKind::batch_end) {
      batch_start_ = end_.offset;
    }
    return true;
  }

  /// No head stands here. False: the scan is over.
  bool skip_unreadable() {
    if (!is_damage()) {
      return false;
    }
    const std::uint64_t limit = bounds_.cut_at != 0 ? bounds_.cut_at : segment_.size();
    std::uint64_t budget = 16 * segment_.size();
    const std::uint64_t next = std::min(limit, next_valid_head(segment_, identity_, end_.offset + 1, budget));
    visitor_.lost(end_.offset, next, proof_ == 0 ? limit : proof_);
    behind_gap_ = true;
    if (next < limit || bounds_.cut_at != 0) {
      end_.offset = next;
      return true;
    }
    end_.kind = ScanEnd::Kind::closed;  // the log goes on in the next segment
    return false;
  }

  /// True if what stands here must have been whole once. False: the end is judged.
  bool is_damage() {
    if (bounds_.cut_at != 0 || bounds_.log_goes_on) {
      return true;
    }
    proof_ = judge_end(segment_, identity_, batch_start_ != end_.offset, end_);
    if (QUORATE_PLANT(damage_taken_for_torn_tail) && proof_ != 0) {
      end_.kind = ScanEnd::Kind::torn;
      return false;
    }
    return proof_ != 0;
  }

  const ByteView segment_;
  const SegmentIdentity identity_;
  const SegmentBounds bounds_;
  FrameVisitor& visitor_;
  ScanEnd end_;
  std::uint64_t batch_start_ = kSegmentHeaderBytes;
  std::uint64_t proof_ = 0;
  bool behind_gap_ = false;  ///< where the batch began is not known
};

}  // namespace

ScanEnd scan_segment(ByteView segment, const SegmentIdentity& identity, const SegmentBounds& bounds,
                     FrameVisitor& visitor) {
  return Scan(segment, identity, bounds, visitor).run();
}

bool holds_frames(ByteView segment, const SegmentIdentity& identity) {
  std::uint64_t budget = 16 * segment.size();
  return next_valid_head(segment, identity, kSegmentHeaderBytes, budget) < segment.size();
}

}  // namespace quorate::storage
