#include "rpc/grpc_message.h"

#include <algorithm>

namespace quorate::rpc {
namespace {

std::uint32_t read_length(const char* bytes) {
  std::uint32_t length = 0;
  for (int i = 0; i < 4; ++i) {
    length = length << 8 | static_cast<unsigned char>(bytes[i]);
  }
  return length;
}

}  // namespace

MessageReader::Event MessageReader::next(ByteView& input, std::size_t max_bytes, Buffer& message) {
  if (prefix_filled_ < kMessagePrefixBytes) {
    const std::size_t size = std::min<std::size_t>(input.size(), kMessagePrefixBytes - prefix_filled_);
    std::copy_n(input.data(), size, prefix_.data() + prefix_filled_);
    prefix_filled_ = static_cast<std::uint8_t>(prefix_filled_ + size);
    input.remove_prefix(size);
    if (prefix_filled_ < kMessagePrefixBytes) {
      return Event::needs_more;
    }
    length_ = read_length(prefix_.data() + 1);
    if (prefix_[0] != 0) {
      return prefix_[0] == 1 ? Event::compressed : Event::bad_flag;
    }
    if (length_ > max_bytes) {
      return Event::too_large;
    }
  }
  if (partial_.empty() && input.size() >= length_) {
    message = Buffer::copy_of(input.substr(0, length_));
    input.remove_prefix(length_);
    prefix_filled_ = 0;
    return Event::message;
  }
  const std::size_t size = std::min<std::size_t>(input.size(), length_ - partial_.size());
  const std::size_t needed = partial_.size() + size;
  if (needed > partial_.capacity()) {
    partial_.reserve(std::min<std::size_t>(length_, needed * 2));
  }
  partial_.append(input.substr(0, size));
  input.remove_prefix(size);
  if (partial_.size() < length_) {
    return Event::needs_more;
  }
  message = Buffer::adopt(std::move(partial_));
  partial_ = {};
  prefix_filled_ = 0;
  return Event::message;
}

void MessageReader::reset() {
  prefix_filled_ = 0;
  length_ = 0;
  partial_ = {};
}

std::array<char, kMessagePrefixBytes> message_prefix(std::size_t size) {
  return {0, static_cast<char>(size >> 24), static_cast<char>(size >> 16), static_cast<char>(size >> 8),
          static_cast<char>(size)};
}

std::string percent_encode(std::string_view text) {
  constexpr std::string_view kDigits = "0123456789ABCDEF";
  std::string encoded;
  encoded.reserve(text.size());
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte >= 0x20 && byte <= 0x7E && c != '%') {
      encoded.push_back(c);
    } else {
      encoded.push_back('%');
      encoded.push_back(kDigits[byte >> 4]);
      encoded.push_back(kDigits[byte & 15]);
    }
  }
  return encoded;
}

std::optional<Duration> parse_timeout(std::string_view text) {
  if (text.size() < 2 || text.size() > 9) {
    return std::nullopt;
  }
  std::int64_t value = 0;
  for (const char c : text.substr(0, text.size() - 1)) {
    if (c < '0' || c > '9') {
      return std::nullopt;
    }
    value = value * 10 + (c - '0');
  }
  switch (text.back()) {
    case 'H':  // 99,999,999 hours do not fit; a century is as good as for ever
      return std::chrono::hours(std::min<std::int64_t>(value, 876'000));
    case 'M': return std::chrono::minutes(std::min<std::int64_t>(value, 52'560'000));
    case 'S': return std::chrono::seconds(value);
    case 'm': return std::chrono::milliseconds(value);
    case 'u': return std::chrono::microseconds(value);
    case 'n': return std::chrono::nanoseconds(value);
    default: return std::nullopt;
  }
}

}  // namespace quorate::rpc
