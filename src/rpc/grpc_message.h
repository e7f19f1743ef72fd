#pragma once
// The framing of gRPC over HTTP/2: length-prefixed messages, percent-encoded status texts, time-outs in metadata.
//
// Invariants: 1. a message's length is checked before memory is taken for it. 2. never more memory than about twice the
//                bytes that arrived. 3. a whole message in one piece is copied once, into a block of its own.
// MessageReader is owned by one call.

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "base/time.h"

namespace quorate::rpc {

inline constexpr std::size_t kMessagePrefixBytes = 5;

class MessageReader {
 public:
  enum class Event : std::uint8_t { needs_more, message, too_large, compressed, bad_flag };

  /// Takes bytes from the front of `input` until a message is whole (then in `message`), the input is used up, or the
  /// message is refused; after a refusal nothing more may be read until reset().
  [[nodiscard]] Event next(ByteView& input, std::size_t max_bytes, Buffer& message);

  /// Nothing of a message has arrived that was not handed out.
  [[nodiscard]] bool at_boundary() const { return prefix_filled_ == 0; }
  /// Bytes held of an incomplete message.
  [[nodiscard]] std::size_t held_bytes() const { return partial_.size(); }
  /// Length of the message being read or refused.
  [[nodiscard]] std::uint32_t length() const { return length_; }
  [[nodiscard]] std::uint8_t flag() const { return static_cast<std::uint8_t>(prefix_[0]); }
  void reset();

 private:
  std::array<char, kMessagePrefixBytes> prefix_{};
  std::uint8_t prefix_filled_ = 0;
  std::uint32_t length_ = 0;
  std::string partial_;
};

/// The five bytes before a message of `size` bytes.
[[nodiscard]] std::array<char, kMessagePrefixBytes> message_prefix(std::size_t size);

/// Bytes outside of printable ASCII, and '%', as %XX.
[[nodiscard]] std::string percent_encode(std::string_view text);

/// A grpc-timeout value such as "250m": one to eight digits and one of H M S m u n.
[[nodiscard]] std::optional<Duration> parse_timeout(std::string_view text);

}  // namespace quorate::rpc
