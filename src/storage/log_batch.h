#pragma once
// What one write of the log carries: frames of any groups, and the end frame behind them.
//
// Invariants: 1. large payloads are not copied: the batch keeps their buffers and the write gathers them. 2. nothing
// changes once the batch has its place, so that the views stay valid while it is written.
// Owned by the log, on its loop.

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/ids.h"
#include "storage/log.h"
#include "storage/log_format.h"

namespace quorate::storage {

class LogBatch {
 public:
  struct FrameRef {
    GroupId group;
    Io io;
    std::uint64_t serial = 0;
    std::size_t head_at = 0;   ///< in the gathered bytes
    std::uint64_t offset = 0;  ///< from the batch's first byte
    std::uint32_t size = 0;
    std::uint32_t meta_size = 0;
  };
  struct PutRef {
    GroupId group;
    Position position;
    std::uint64_t serial = 0;
    std::uint64_t offset = 0;  ///< of the payload, from the batch's first byte
  };

  /// Adds a group's frame. Returns the checksums of its puts' payloads, valid until the next call.
  std::span<const std::uint32_t> add(GroupId group, Io io, std::uint64_t serial, const std::vector<LogOp>& ops);

  /// The last frames' effects on what is needed are known: what the end frame will say.
  void set_end(const EndFrame& end) { end_ = end; }
  /// Gives the batch its place, adds the end frame and computes all heads.
  void place(const SegmentIdentity& identity, std::uint64_t start, FrameKind end_kind);

  /// Bytes of the frames, without the end frame: what a place must offer beside kEndRoom.
  [[nodiscard]] std::uint64_t frame_bytes() const { return size_; }
  [[nodiscard]] bool has_frames() const { return !frames_.empty(); }
  [[nodiscard]] const std::vector<FrameRef>& frames() const { return frames_; }
  [[nodiscard]] const std::vector<PutRef>& puts() const { return puts_; }
  [[nodiscard]] std::uint64_t last_serial() const { return frames_.empty() ? 0 : frames_.back().serial; }

  // After place():
  [[nodiscard]] std::span<const ByteView> parts() const { return parts_; }
  [[nodiscard]] std::uint64_t start() const { return start_; }
  /// Where the next batch begins: behind the end frame, on the terminator.
  [[nodiscard]] std::uint64_t end_offset() const { return start_ + size_; }
  [[nodiscard]] const EndFrame& end() const { return end_; }
  [[nodiscard]] FrameKind end_kind() const { return end_kind_; }
  [[nodiscard]] std::uint64_t written_bytes() const { return size_ + kTerminatorBytes; }

 private:
  /// A payload that is not copied: it stands in front of `bytes_[at]`.
  struct Gathered {
    std::size_t at = 0;
    Buffer payload;
  };
  void gather();

  std::string bytes_;  ///< heads, descriptions and small payloads
  std::vector<Gathered> gathered_;
  std::vector<FrameRef> frames_;
  std::vector<PutRef> puts_;
  std::vector<std::uint32_t> checksums_;
  std::vector<ByteView> parts_;
  std::uint64_t size_ = 0;
  std::uint64_t start_ = 0;
  EndFrame end_;
  FrameKind end_kind_ = FrameKind::batch_end;
};

}  // namespace quorate::storage
