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

bool payloads_valid(const Frame& frame, ByteView bytes) {
  if (QUORATE_PLANT(torn_tail_accepted) || QUORATE_PLANT(skip_crc_check)) {
    return true;
  }
  return std::ranges::all_of(frame.payloads, [bytes](const Frame::Payload& payload) {
    return codec::crc32c(bytes.substr(payload.offset, payload.size)) == payload.checksum;
  });
}

/// Judges the end at `end.offset`, where no whole frame stands. `in_batch`: frames of its batch stand before it.
void judge_end(ByteView segment, const SegmentIdentity& identity, bool in_batch, ScanEnd& end) {
  std::uint64_t budget = 16 * segment.size();
  std::uint64_t reach = end.offset;
  bool batch_complete = false;  // or it cannot be told with a bounded effort
  for (std::uint64_t at = next_valid_head(segment, identity, end.offset, budget); at < segment.size();
       at = next_valid_head(segment, identity, at + 1, budget)) {
    const ByteView bytes = segment.substr(at);
    const FrameHead head = read_frame_head(bytes);
    if (head.batch_start > end.offset) {
      end.kind = ScanEnd::Kind::damaged;
      end.proof = at;
      return;
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
}

}  // namespace

ScanEnd scan_segment(ByteView segment, const SegmentIdentity& identity, std::uint64_t cut_at, FrameVisitor& visitor) {
  ScanEnd end;
  std::uint64_t batch_start = kSegmentHeaderBytes;
  while (true) {
    if (cut_at != 0 && end.offset >= cut_at) {
      end.kind = end.offset == cut_at ? ScanEnd::Kind::cut : ScanEnd::Kind::damaged;
      return end;
    }
    if (!frame_head_valid(segment, end.offset, identity)) {
      break;
    }
    const FrameHead head = read_frame_head(segment.substr(end.offset));
    const ByteView bytes = segment.substr(end.offset, head.size);
    std::optional<Frame> frame = decode_frame(bytes);
    if (!frame.has_value() || head.batch_start != batch_start) {
      end.kind = ScanEnd::Kind::damaged;  // the checksum holds, so these bytes were written, but not by this program
      end.proof = end.offset;
      return end;
    }
    if (!payloads_valid(*frame, bytes)) {
      break;
    }
    visitor.visit(end.offset, *frame, bytes);
    end.offset += head.size;
    if (frame->kind == FrameKind::segment_end) {
      end.kind = ScanEnd::Kind::closed;
      return end;
    }
    if (frame->kind == FrameKind::batch_end) {
      batch_start = end.offset;
    }
  }
  if (cut_at != 0) {
    end.kind = ScanEnd::Kind::damaged;  // recovery had read every frame in front of its cut
    end.proof = cut_at;
    return end;
  }
  judge_end(segment, identity, batch_start != end.offset, end);
  return end;
}

bool holds_frames(ByteView segment, const SegmentIdentity& identity) {
  std::uint64_t budget = 16 * segment.size();
  return next_valid_head(segment, identity, kSegmentHeaderBytes, budget) < segment.size();
}

}  // namespace quorate::storage
