#include "storage/log_batch.h"

#include "base/assert.h"

namespace quorate::storage {
namespace {

/// Copying fewer bytes than this is cheaper than one more piece of a gathered write.
constexpr std::size_t kCopyBelow = 1024;

}  // namespace

std::span<const std::uint32_t> LogBatch::add(GroupId group, Io io, std::uint64_t serial,
                                             const std::vector<LogOp>& ops) {
  FrameRef frame{.group = group, .io = io, .serial = serial, .head_at = bytes_.size(), .offset = size_};
  bytes_.append(kFrameHeadBytes, '\0');
  checksums_.clear();
  append_group_meta(bytes_, group, io, ops, checksums_);
  frame.meta_size = static_cast<std::uint32_t>(bytes_.size() - frame.head_at - kFrameHeadBytes);
  std::uint64_t size = kFrameHeadBytes + frame.meta_size;
  for (const LogOp& op : ops) {
    if (op.kind != LogOp::Kind::put) {
      continue;
    }
    const Buffer& payload = op.entry.payload;
    puts_.push_back({group, op.entry.id.position, serial, frame.offset + size});
    size += payload.size();
    if (payload.size() < kCopyBelow) {
      bytes_.append(payload.view());
    } else {
      gathered_.push_back({bytes_.size(), payload});
    }
  }
  QUORATE_ASSERT(size < kMostFrameBytes, "a frame has a bounded size", size);
  frame.size = static_cast<std::uint32_t>(size);
  size_ += size;
  frames_.push_back(frame);
  return checksums_;
}

void LogBatch::place(const SegmentIdentity& identity, std::uint64_t start, FrameKind end_kind) {
  QUORATE_ASSERT(start + size_ + kEndRoom < UINT32_MAX, "offsets in a segment have 32 bits", start, size_);
  start_ = start;
  end_kind_ = end_kind;
  const auto batch_start = static_cast<std::uint32_t>(start);
  for (const FrameRef& frame : frames_) {
    seal_frame(bytes_, frame.head_at, {.batch_start = batch_start, .size = frame.size, .meta_size = frame.meta_size},
               identity, start + frame.offset);
  }
  const std::size_t end_at = bytes_.size();
  append_end_frame(bytes_, end_kind, end_);
  const auto end_size = static_cast<std::uint32_t>(bytes_.size() - end_at);
  seal_frame(bytes_, end_at,
             {.batch_start = batch_start,
              .size = end_size,
              .meta_size = end_size - static_cast<std::uint32_t>(kFrameHeadBytes)},
             identity, start + size_);
  size_ += end_size;
  bytes_.append(kTerminatorBytes, '\0');
  gather();
}

void LogBatch::gather() {
  const ByteView all = bytes_;
  std::size_t from = 0;
  for (const Gathered& piece : gathered_) {
    if (piece.at > from) {
      parts_.push_back(all.substr(from, piece.at - from));
      from = piece.at;
    }
    parts_.push_back(piece.payload.view());
  }
  parts_.push_back(all.substr(from));
}

}  // namespace quorate::storage
