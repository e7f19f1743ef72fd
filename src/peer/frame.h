#pragma once
// Frames: what travels on a link. A header of 32 bytes with a checksum of its own, and a body with another.
//
// Invariants: 1. a frame is found only if both checksums hold and its length is within the limit. 2. memory is taken as
//                bytes arrive, never for a length that a header only claims. 3. a frame that arrived in one chunk is
//                a slice of it; one that arrived in several is copied once or twice.
// A stream may begin and end a chunk at any byte of a frame. Pure; docs/formats/peer.md has the bytes.

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/ids.h"

namespace quorate::peer {

inline constexpr std::size_t kFrameHeaderBytes = 32;

enum class FrameType : std::uint8_t {
  hello = 1,             ///< who speaks: first frame of either side
  refusal = 2,           ///< instead of a hello: why the other side is not accepted
  heartbeat = 3,         ///< from the side that connected
  heartbeat_answer = 4,  ///< at once, from the side that accepted
  message = 5,           ///< for a channel and a group
  question = 6,          ///< instead of a hello, from somebody who wants to join: who are the members?
  members = 7,           ///< the answer, the last frame of its connection
};

struct Frame {
  FrameType type = FrameType::message;
  std::uint8_t channel = 0;  ///< of a message; else 0
  GroupId group;
  Incarnation sender;  ///< the life of the process that sent it
  Buffer body;
};

/// Finds frames in the chunks of one stream.
class FrameReader {
 public:
  enum class Found : std::uint8_t { frame, need_more, damaged };

  explicit FrameReader(std::size_t max_body_bytes) : max_body_bytes_(max_body_bytes) {}

  void set_limit(std::size_t max_body_bytes) { max_body_bytes_ = max_body_bytes; }

  /// Takes the next chunk; only when next() returned need_more.
  void add(Buffer chunk);
  /// The next frame. Damage is final: where the next frame begins is unknown.
  [[nodiscard]] Found next(Frame& frame);
  /// What is wrong, for a person, after `damaged`.
  [[nodiscard]] std::string_view damage() const { return damage_; }
  /// Bytes held of a frame that has not arrived whole.
  [[nodiscard]] std::size_t held_bytes() const { return partial_.size(); }

 private:
  struct Header;
  [[nodiscard]] bool read_header(ByteView bytes, Header& header);
  [[nodiscard]] Found emit(const Header& header, Buffer body, Frame& frame);
  [[nodiscard]] Found next_across_chunks(Frame& frame);
  void move_to_partial(std::size_t wanted);
  Found damaged(std::string what);

  std::size_t max_body_bytes_;
  Buffer chunk_;
  std::size_t offset_ = 0;  ///< what of chunk_ was consumed
  std::string partial_;     ///< the beginning of a frame that earlier chunks brought
  std::string damage_;
};

/// Frames on their way out: small parts side by side in one block, large ones as the slices that they are.
class FrameBatch {
 public:
  static constexpr std::size_t kCopyBelow = 1024;        ///< parts of fewer bytes are copied
  static constexpr std::size_t kBlockBytes = 64U << 10;  ///< a block of small parts is closed beyond this

  /// `frame.body` is ignored: the body is the parts, one after the other.
  void add(const Frame& frame, std::span<const Buffer> parts);

  [[nodiscard]] bool empty() const { return bytes_ == 0; }
  [[nodiscard]] std::size_t bytes() const { return bytes_; }
  /// The whole batch as chunks; valid until the next call.
  [[nodiscard]] std::span<const Buffer> chunks();
  void clear();

 private:
  void close_block();

  std::string block_;
  std::vector<Buffer> chunks_;
  std::size_t bytes_ = 0;
};

}  // namespace quorate::peer
