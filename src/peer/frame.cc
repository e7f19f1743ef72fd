#include "peer/frame.h"

#include <algorithm>
#include <utility>

#include "base/assert.h"
#include "base/plant.h"
#include "codec/crc32c.h"
#include "codec/reader.h"

namespace quorate::peer {
namespace {

constexpr std::size_t kCheckedHeaderBytes = kFrameHeaderBytes - 4;

/// Writes the low `size` bytes of `value`, the lowest first; returns the place behind them. (codec::Writer would take
/// memory for each header.)
char* put(char* to, std::uint64_t value, int size) {
  for (int i = 0; i < size; ++i) {
    *to++ = static_cast<char>(static_cast<unsigned char>(value >> (8 * i)));
  }
  return to;
}

}  // namespace

struct FrameReader::Header {
  std::size_t body_bytes = 0;
  std::uint8_t type = 0;
  std::uint8_t channel = 0;
  std::uint16_t reserved = 0;
  GroupId group;
  Incarnation sender;
  std::uint32_t body_checksum = 0;
  std::uint32_t header_checksum = 0;
};

void FrameReader::add(Buffer chunk) {
  QUORATE_ASSERT(offset_ == chunk_.size(), "the last chunk was consumed", offset_, chunk_.size());
  chunk_ = std::move(chunk);
  offset_ = 0;
}

FrameReader::Found FrameReader::next(Frame& frame) {
  if (!damage_.empty()) {
    return Found::damaged;
  }
  if (!partial_.empty()) {
    return next_across_chunks(frame);
  }
  const ByteView rest = chunk_.view().substr(offset_);
  if (rest.empty()) {
    chunk_ = {};  // lets its block go
    offset_ = 0;
    return Found::need_more;
  }
  Header header;
  if (rest.size() >= kFrameHeaderBytes) {
    if (!read_header(rest, header)) {
      return Found::damaged;
    }
    if (rest.size() - kFrameHeaderBytes >= header.body_bytes) {
      Buffer body = chunk_.slice(offset_ + kFrameHeaderBytes, header.body_bytes);
      offset_ += kFrameHeaderBytes + header.body_bytes;
      return emit(header, std::move(body), frame);
    }
  }
  move_to_partial(kFrameHeaderBytes + header.body_bytes);
  return Found::need_more;
}

FrameReader::Found FrameReader::next_across_chunks(Frame& frame) {
  if (partial_.size() < kFrameHeaderBytes) {
    move_to_partial(kFrameHeaderBytes);
    if (partial_.size() < kFrameHeaderBytes) {
      return Found::need_more;
    }
  }
  Header header;
  if (!read_header(partial_, header)) {
    return Found::damaged;
  }
  const std::size_t whole = kFrameHeaderBytes + header.body_bytes;
  move_to_partial(whole);
  if (partial_.size() < whole) {
    return Found::need_more;
  }
  const Buffer bytes = Buffer::adopt(std::exchange(partial_, {}));
  return emit(header, bytes.slice(kFrameHeaderBytes, header.body_bytes), frame);
}

/// Moves bytes of the chunk until partial_ has `wanted` or the chunk is used up. Its memory doubles as bytes arrive, up
/// to exactly `wanted`.
void FrameReader::move_to_partial(std::size_t wanted) {
  const std::size_t take = std::min(wanted - std::min(wanted, partial_.size()), chunk_.size() - offset_);
  const std::size_t needed = partial_.size() + take;
  if (needed > partial_.capacity()) {
    std::string larger;
    larger.reserve(std::min(std::max(needed, 2 * partial_.capacity()), std::max(needed, wanted)));
    larger.append(partial_);
    partial_ = std::move(larger);
  }
  partial_.append(chunk_.view().substr(offset_, take));
  offset_ += take;
  if (offset_ == chunk_.size()) {
    chunk_ = {};
    offset_ = 0;
  }
}

bool FrameReader::read_header(ByteView bytes, Header& header) {
  codec::Reader reader(bytes.substr(0, kFrameHeaderBytes));
  header.body_bytes = reader.u32();
  header.type = reader.u8();
  header.channel = reader.u8();
  header.reserved = reader.u16();
  header.group = GroupId(reader.u64());
  header.sender = Incarnation(reader.u64());
  header.body_checksum = reader.u32();
  header.header_checksum = reader.u32();
  if (codec::crc32c(bytes.substr(0, kCheckedHeaderBytes)) != header.header_checksum) {
    damaged("the checksum of a frame's header is wrong");
  } else if (header.body_bytes > max_body_bytes_) {
    damaged("a frame of " + std::to_string(header.body_bytes) + " bytes exceeds the limit of " +
            std::to_string(max_body_bytes_));
  } else if (header.type < 1 || header.type > static_cast<std::uint8_t>(FrameType::members) || header.reserved != 0) {
    damaged("a frame of unknown type " + std::to_string(header.type));
  }
  return damage_.empty();
}

FrameReader::Found FrameReader::emit(const Header& header, Buffer body, Frame& frame) {
  if (!QUORATE_PLANT(deliver_without_checksum)) {
    if (codec::crc32c(body.view()) != header.body_checksum) {
      return damaged("the checksum of a frame's body is wrong");
    }
  }
  frame.type = static_cast<FrameType>(header.type);
  frame.channel = header.channel;
  frame.group = header.group;
  frame.sender = header.sender;
  frame.body = std::move(body);
  return Found::frame;
}

FrameReader::Found FrameReader::damaged(std::string what) {
  damage_ = std::move(what);
  chunk_ = {};
  offset_ = 0;
  partial_ = {};
  return Found::damaged;
}

void FrameBatch::add(const Frame& frame, std::span<const Buffer> parts) {
  std::size_t body_bytes = 0;
  std::uint32_t body_checksum = 0;
  for (const Buffer& part : parts) {
    body_bytes += part.size();
    body_checksum = codec::crc32c(part.view(), body_checksum);
  }
  QUORATE_ASSERT(body_bytes <= 0xFFFFFFFF, "a frame's length fits its field", body_bytes);
  char header[kFrameHeaderBytes];
  char* to = put(header, body_bytes, 4);
  to = put(to, static_cast<std::uint8_t>(frame.type), 1);
  to = put(to, frame.channel, 1);
  to = put(to, 0, 2);
  to = put(to, frame.group.value(), 8);
  to = put(to, frame.sender.value(), 8);
  to = put(to, body_checksum, 4);
  put(to, codec::crc32c({header, kCheckedHeaderBytes}), 4);
  block_.append(header, sizeof header);
  for (const Buffer& part : parts) {
    if (part.size() < kCopyBelow) {
      block_.append(part.view());
    } else {
      close_block();
      chunks_.push_back(part);
    }
  }
  bytes_ += kFrameHeaderBytes + body_bytes;
  if (block_.size() >= kBlockBytes) {
    close_block();
  }
}

std::span<const Buffer> FrameBatch::chunks() {
  close_block();
  return chunks_;
}

void FrameBatch::clear() {
  block_.clear();
  chunks_.clear();
  bytes_ = 0;
}

void FrameBatch::close_block() {
  if (!block_.empty()) {
    chunks_.push_back(Buffer::copy_of(block_));  // exact size, and block_ keeps its memory for the next turn
    block_.clear();
  }
}

}  // namespace quorate::peer
