#include "rpc/server_call.h"

#include <algorithm>
#include <optional>

#include "base/assert.h"
#include "rpc/http2_session.h"

namespace quorate::rpc {
namespace {

constexpr std::size_t kPooledCalls = 1024;
constexpr std::size_t kPooledMetadataBytes = 1024;  // a call keeps no more memory than this for the next one
constexpr std::size_t kPooledPieces = 16;
constexpr std::size_t kMaxTextBytes = 2048;  // encoded, it must fit into a header block that clients accept

std::vector<std::unique_ptr<ServerCall>>& pool_of_this_thread() {
  thread_local std::vector<std::unique_ptr<ServerCall>> pool;
  return pool;
}

}  // namespace

std::unique_ptr<ServerCall> ServerCall::take(Http2Session& session, std::int32_t stream) {
  auto& pool = pool_of_this_thread();
  std::unique_ptr<ServerCall> call;
  if (pool.empty()) {
    call = std::make_unique<ServerCall>();
  } else {
    call = std::move(pool.back());
    pool.pop_back();
  }
  call->session_ = &session;
  call->stream_ = stream;
  return call;
}

void ServerCall::give_back(std::unique_ptr<ServerCall> call) {
  auto& pool = pool_of_this_thread();
  if (pool.size() < kPooledCalls && call->metadata_.capacity() <= kPooledMetadataBytes &&
      call->queue_.capacity() <= kPooledPieces) {
    call->clear();
    pool.push_back(std::move(call));
  }
}

void ServerCall::clear() {
  user = nullptr;
  session_ = nullptr;
  method_ = nullptr;
  deadline_ = Instant::max();
  metadata_.clear();
  entries_.clear();
  path_.clear();
  encoding_.clear();
  header_bytes_ = 0;
  reader_.reset();
  is_post_ = is_grpc_ = has_bad_timeout_ = has_message_ = is_dispatched_ = is_half_closed_ = false;
  queue_.clear();
  queue_head_ = head_offset_ = queued_bytes_ = 0;
  is_submitted_ = is_deferred_ = is_finished_ = is_congested_ = false;
  code_ = Code::ok;
  text_.clear();
}

std::string_view ServerCall::metadata(std::string_view key) const {
  const std::string_view all = metadata_;
  for (const Entry& entry : entries_) {
    if (all.substr(entry.name_begin, entry.name_size) == key) {
      return all.substr(entry.value_begin, entry.value_size);
    }
  }
  return {};
}

void ServerCall::take_header(std::string_view name, std::string_view value, const Handler& handler, Instant now) {
  if (name.starts_with(':')) {
    if (name == ":path") {
      method_ = handler.find(value);
      if (method_ == nullptr) {
        path_ = value;
      }
    } else if (name == ":method") {
      is_post_ = value == "POST";
    }
  } else if (name == "content-type") {
    constexpr std::string_view kGrpc = "application/grpc";
    is_grpc_ = value.starts_with(kGrpc) &&
               (value.size() == kGrpc.size() || value[kGrpc.size()] == '+' || value[kGrpc.size()] == ';');
  } else if (name == "grpc-timeout") {
    const std::optional<Duration> timeout = parse_timeout(value);
    has_bad_timeout_ = !timeout.has_value();
    if (timeout.has_value()) {
      deadline_ = now + *timeout;
    }
  } else if (name == "grpc-encoding") {
    encoding_ = value == "identity" ? std::string_view() : value;
  } else if (name != "te" && name != "user-agent" && !name.ends_with("accept-encoding")) {
    add_metadata(name, value);
  }
}

void ServerCall::add_metadata(std::string_view name, std::string_view value) {
  if (metadata_.size() + name.size() + value.size() > UINT16_MAX) {
    return;  // cannot be: max_header_bytes is smaller
  }
  const auto begin = static_cast<std::uint16_t>(metadata_.size());
  entries_.push_back({begin, static_cast<std::uint16_t>(name.size()), static_cast<std::uint16_t>(begin + name.size()),
                      static_cast<std::uint16_t>(value.size())});
  metadata_.append(name).append(value);
}

void ServerCall::send(std::span<const Buffer> parts) {
  QUORATE_ASSERT(!is_finished_, "a finished call sends nothing", stream_);
  std::size_t size = 0;
  for (const Buffer& part : parts) {
    size += part.size();
  }
  Piece first;
  first.prefix = message_prefix(size);
  first.prefix_size = kMessagePrefixBytes;
  if (!parts.empty()) {
    first.bytes = parts.front();
    parts = parts.subspan(1);
  }
  queue_.push_back(std::move(first));
  for (const Buffer& part : parts) {
    if (!part.empty()) {
      queue_.push_back({.bytes = part});
    }
  }
  queued_bytes_ += kMessagePrefixBytes + size;
  session_->queued_total_ += kMessagePrefixBytes + size;
  session_->message_queued(*this);
}

void ServerCall::write_queued(std::size_t size, OutputBlocks& output) {
  QUORATE_ASSERT(size <= queued_bytes_, "only what is queued is written", size, queued_bytes_);
  queued_bytes_ -= size;
  while (size > 0) {
    Piece& piece = queue_[queue_head_];
    if (head_offset_ < piece.prefix_size) {
      const std::size_t part = std::min<std::size_t>(size, piece.prefix_size - head_offset_);
      output.append(ByteView(piece.prefix.data() + head_offset_, part));
      head_offset_ += part;
      size -= part;
    }
    if (size > 0 && head_offset_ >= piece.prefix_size) {
      const std::size_t begin = head_offset_ - piece.prefix_size;
      const std::size_t part = std::min(size, piece.bytes.size() - begin);
      output.append(piece.bytes, begin, part);
      head_offset_ += part;
      size -= part;
    }
    if (head_offset_ == piece.prefix_size + piece.bytes.size()) {
      piece.bytes = {};
      ++queue_head_;
      head_offset_ = 0;
    }
  }
  if (queued_bytes_ == 0) {
    queue_.clear();
    queue_head_ = 0;
  } else if (queue_head_ >= 64 && queue_head_ * 2 >= queue_.size()) {
    queue_.erase(queue_.begin(), queue_.begin() + static_cast<std::ptrdiff_t>(queue_head_));
    queue_head_ = 0;
  }
}

std::size_t ServerCall::unsent_bytes() const {
  const std::size_t unsent = queued_bytes_ + session_->output_.unsent_bytes();
  if (unsent > kResumeBelowBytes && !is_congested_) {
    is_congested_ = true;
    ++session_->congested_calls_;
  }
  return unsent;
}

void ServerCall::finish(Code code, std::string_view text) {
  QUORATE_ASSERT(!is_finished_, "a call finishes once", stream_);
  is_finished_ = true;
  code_ = code;
  if (!text.empty()) {
    text_ = percent_encode(text.substr(0, kMaxTextBytes));
  }
  session_->call_finished(*this);
}

}  // namespace quorate::rpc
