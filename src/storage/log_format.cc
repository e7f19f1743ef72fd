#include "storage/log_format.h"

#include <array>
#include <bit>
#include <cstring>

#include "base/assert.h"
#include "codec/crc32c.h"
#include "codec/reader.h"
#include "codec/varint.h"
#include "codec/writer.h"

namespace quorate::storage {
namespace {

constexpr ByteView kMagic = "quorlog\n";
constexpr std::uint8_t kUncertainTail = 1;
constexpr std::size_t kChecksumAt = 12;  // in a header copy

std::string encode_copy(const SegmentHeader& header) {
  codec::Writer out;
  out.bytes(kMagic);
  out.u32(kLogFormatVersion);
  out.u32(0);  // the checksum
  out.u64(header.log_id);
  out.u64(header.sequence);
  out.u64(header.first_live);
  out.u64(header.capacity);
  out.u64(header.previous_cut_at);
  out.u64(header.uncertain_tail ? kUncertainTail : 0);
  QUORATE_ASSERT(out.size() == kHeaderCopyBytes, "a header copy has a fixed size", out.size());
  out.patch_u32(kChecksumAt, codec::crc32c(out.view()));
  return out.take();
}

/// The copy, or the version of a later format, or corrupt. Magic, version and checksum stand at these places in
/// every version, so that a later one is recognised.
Result<SegmentHeader> decode_copy(ByteView copy) {
  codec::Reader in(copy);
  const bool magic = in.bytes(kMagic.size()) == kMagic;
  const std::uint32_t version = in.u32();
  const std::uint32_t checksum = in.u32();
  std::uint32_t computed = codec::crc32c(copy.substr(0, kChecksumAt));
  computed = codec::crc32c(ByteView("\0\0\0\0", 4), computed);
  computed = codec::crc32c(copy.substr(kChecksumAt + 4), computed);
  if (!magic || checksum != computed) {
    return fail(ErrorCode::corrupt, "the segment header is damaged");
  }
  if (version > kLogFormatVersion) {
    return fail(ErrorCode::newer_format, "the log has format version " + std::to_string(version) +
                                             "; this program reads versions up to " +
                                             std::to_string(kLogFormatVersion));
  }
  SegmentHeader header;
  header.log_id = in.u64();
  header.sequence = in.u64();
  header.first_live = in.u64();
  header.capacity = in.u64();
  header.previous_cut_at = in.u64();
  header.uncertain_tail = (in.u64() & kUncertainTail) != 0;
  if (header.log_id == 0 || header.first_live == 0 || header.first_live > header.sequence ||
      (header.previous_cut_at != 0 && header.previous_cut_at < kSegmentHeaderBytes)) {
    return fail(ErrorCode::corrupt, "the segment header makes no sense");
  }
  return header;
}

std::uint32_t load_u32(const char* at) {
  std::uint32_t value = 0;
  std::memcpy(&value, at, sizeof value);
  return std::endian::native == std::endian::little ? value : __builtin_bswap32(value);
}

void store_u32(char* at, std::uint32_t value) {
  for (int i = 0; i < 4; ++i) {
    at[i] = static_cast<char>(static_cast<unsigned char>(value >> (8 * i)));
  }
}

/// `tail` is the head behind its checksum, and the description.
std::uint32_t frame_checksum(const SegmentIdentity& identity, std::uint64_t offset, ByteView tail) {
  std::array<char, 24> place{};
  for (std::size_t i = 0; i < 8; ++i) {
    place[i] = static_cast<char>(static_cast<unsigned char>(identity.log_id >> (8 * i)));
    place[8 + i] = static_cast<char>(static_cast<unsigned char>(identity.sequence >> (8 * i)));
    place[16 + i] = static_cast<char>(static_cast<unsigned char>(offset >> (8 * i)));
  }
  return codec::crc32c(tail, codec::crc32c({place.data(), place.size()}));
}

void append_sized(std::string& out, ByteView bytes) {
  codec::append_varint(out, bytes.size());
  out.append(bytes);
}

void append_u32(std::string& out, std::uint32_t value) {
  char raw[4];
  store_u32(raw, value);
  out.append(raw, sizeof raw);
}

void append_op(std::string& out, const LogOp& op, std::vector<std::uint32_t>& checksums) {
  using Kind = LogOp::Kind;
  out.push_back(static_cast<char>(op.kind));
  switch (op.kind) {
    case Kind::set_state: append_sized(out, op.blob.view()); break;
    case Kind::put:
      codec::append_varint(out, op.entry.id.position.value());
      codec::append_varint(out, op.entry.id.tag.value());
      out.push_back(static_cast<char>(op.entry.kind));
      codec::append_varint(out, op.entry.payload.size());
      checksums.push_back(codec::crc32c(op.entry.payload.view()));
      append_u32(out, checksums.back());
      break;
    case Kind::truncate_from: codec::append_varint(out, op.entry.id.position.value()); break;
    case Kind::reset_to:
    case Kind::restore_base:
    case Kind::discard_below:
      codec::append_varint(out, op.entry.id.position.value());
      codec::append_varint(out, op.entry.id.tag.value());
      codec::append_varint(out, op.generation.value());
      append_sized(out, op.blob.view());
      break;
    case Kind::set_cell:
      append_sized(out, op.key.view());
      append_sized(out, op.blob.view());
      break;
  }
}

LogOp read_op(codec::Reader& in, std::uint32_t& payload_size, std::uint32_t& payload_checksum) {
  using Kind = LogOp::Kind;
  LogOp op;
  const std::uint8_t kind = in.u8();
  if (kind < static_cast<std::uint8_t>(Kind::set_state) || kind > static_cast<std::uint8_t>(Kind::restore_base)) {
    in.set_failed();
    return op;
  }
  op.kind = static_cast<Kind>(kind);
  if (op.kind == Kind::set_cell) {
    op.key = Buffer::copy_of(in.sized_bytes());
  }
  if (op.kind == Kind::set_state || op.kind == Kind::set_cell) {
    op.blob = Buffer::copy_of(in.sized_bytes());
    return op;
  }
  op.entry.id.position = Position(in.varint());
  if (op.kind == Kind::truncate_from) {
    return op;
  }
  op.entry.id.tag = Tag(in.varint());
  if (op.kind == Kind::put) {
    op.entry.kind = in.u8();
    const std::uint64_t size = in.varint();
    if (size > kMostFrameBytes) {
      in.set_failed();
    }
    payload_size = static_cast<std::uint32_t>(size);
    payload_checksum = in.u32();
    return op;
  }
  op.generation = Generation(in.varint());
  op.blob = Buffer::copy_of(in.sized_bytes());
  return op;
}

}  // namespace

std::string encode_segment_header(const SegmentHeader& header) {
  std::string block(kSegmentHeaderBytes, '\0');
  const std::string copy = encode_copy(header);
  block.replace(0, copy.size(), copy);
  block.replace(kHeaderSecondCopyAt, copy.size(), copy);
  return block;
}

Result<SegmentHeader> decode_segment_header(ByteView block) {
  QUORATE_ASSERT(block.size() == kSegmentHeaderBytes, "a header block has a fixed size", block.size());
  const Result<SegmentHeader> first = decode_copy(block.substr(0, kHeaderCopyBytes));
  const Result<SegmentHeader> second = decode_copy(block.substr(kHeaderSecondCopyAt, kHeaderCopyBytes));
  if (!second.has_value() && second.error().code == ErrorCode::newer_format) {
    return second;
  }
  if (!first.has_value()) {
    return first.error().code == ErrorCode::newer_format ? first : second;
  }
  // They differ only if the last write of a header was torn: the later one was not in use yet.
  return second.has_value() && second->sequence > first->sequence ? second : first;
}

FrameHead read_frame_head(ByteView bytes) {
  QUORATE_ASSERT(bytes.size() >= kFrameHeadBytes, "a head needs its bytes", bytes.size());
  return {.checksum = load_u32(bytes.data()),
          .batch_start = load_u32(bytes.data() + 4),
          .size = load_u32(bytes.data() + 8),
          .meta_size = load_u32(bytes.data() + 12)};
}

void seal_frame(std::string& bytes, std::size_t head_at, FrameHead head, const SegmentIdentity& identity,
                std::uint64_t offset) {
  char* at = bytes.data() + head_at;
  store_u32(at + 4, head.batch_start);
  store_u32(at + 8, head.size);
  store_u32(at + 12, head.meta_size);
  const ByteView tail = ByteView(bytes).substr(head_at + 4, kFrameHeadBytes - 4 + head.meta_size);
  store_u32(at, frame_checksum(identity, offset, tail));
}

bool frame_head_valid(ByteView segment, std::uint64_t offset, const SegmentIdentity& identity) {
  if (offset > segment.size() || segment.size() - offset < kFrameHeadBytes + 1) {
    return false;
  }
  const ByteView bytes = segment.substr(offset);
  const FrameHead head = read_frame_head(bytes);
  if (head.batch_start < kSegmentHeaderBytes || head.batch_start > offset || head.meta_size == 0 ||
      head.size > bytes.size() || head.size < kFrameHeadBytes || head.meta_size > head.size - kFrameHeadBytes) {
    return false;
  }
  return head.checksum == frame_checksum(identity, offset, bytes.substr(4, kFrameHeadBytes - 4 + head.meta_size));
}

void append_end_frame(std::string& out, FrameKind kind, const EndFrame& end) {
  out.append(kFrameHeadBytes, '\0');
  out.push_back(static_cast<char>(kind));
  codec::append_varint(out, end.first_live);
  out.push_back(static_cast<char>(end.uncertain_tail ? kUncertainTail : 0));
}

void append_group_meta(std::string& out, GroupId group, Io io, const std::vector<LogOp>& ops,
                       std::vector<std::uint32_t>& checksums) {
  out.push_back(static_cast<char>(FrameKind::group));
  codec::append_varint(out, group.value());
  codec::append_varint(out, io.value());
  codec::append_varint(out, ops.size());
  for (const LogOp& op : ops) {
    append_op(out, op, checksums);
  }
}

std::optional<Frame> decode_frame(ByteView bytes) {
  const FrameHead head = read_frame_head(bytes);
  codec::Reader in(bytes.substr(kFrameHeadBytes, head.meta_size));
  Frame frame;
  frame.kind = static_cast<FrameKind>(in.u8());
  std::uint64_t payload_at = kFrameHeadBytes + head.meta_size;
  if (frame.kind == FrameKind::batch_end || frame.kind == FrameKind::segment_end) {
    frame.end.first_live = in.varint();
    frame.end.uncertain_tail = (in.u8() & kUncertainTail) != 0;
  } else if (frame.kind == FrameKind::group) {
    frame.group = GroupId(in.varint());
    frame.io = Io(in.varint());
    for (std::uint64_t left = in.varint(); left > 0 && in.ok(); --left) {
      Frame::Payload payload;
      payload.op = frame.ops.size();
      frame.ops.push_back(read_op(in, payload.size, payload.checksum));
      if (in.ok() && frame.ops.back().kind == LogOp::Kind::put) {
        if (payload.size > head.size - payload_at) {
          return std::nullopt;
        }
        payload.offset = static_cast<std::uint32_t>(payload_at);
        payload_at += payload.size;
        frame.payloads.push_back(payload);
      }
    }
  } else {
    return std::nullopt;
  }
  if (!in.finished() || payload_at != head.size) {
    return std::nullopt;
  }
  return frame;
}

}  // namespace quorate::storage
