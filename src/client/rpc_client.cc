#include "client/rpc_client.h"

#include <algorithm>
#include <array>
#include <cstring>

#include <sys/socket.h>

namespace quorate::client {
namespace {

constexpr std::size_t kPrefixBytes = 5;  // of a gRPC message: compressed or not, and its length
constexpr std::uint32_t kStreamWindowBytes = 1U << 20;
constexpr std::int32_t kConnectionWindowBytes = 4 << 20;

/// gRPC's prefix and the message.
std::string framed(std::string_view message) {
  std::string result(1, '\0');
  for (int shift = 24; shift >= 0; shift -= 8) {
    result.push_back(static_cast<char>((message.size() >> shift) & 0xFF));
  }
  return result.append(message);
}

nghttp2_nv field(std::string_view name, std::string_view value) {
  // nghttp2 only reads them, though its type does not say so.
  const auto bytes = [](std::string_view text) {
    return const_cast<std::uint8_t*>(reinterpret_cast<const std::uint8_t*>(text.data()));
  };
  return {bytes(name), bytes(value), name.size(), value.size(), NGHTTP2_NV_FLAG_NONE};
}

}  // namespace

RpcClient::RpcClient(Socket socket, const Endpoint& endpoint)
    : socket_(std::move(socket)), authority_(endpoint.text()) {
  nghttp2_session_callbacks* callbacks = nullptr;
  nghttp2_session_callbacks_new(&callbacks);
  nghttp2_session_callbacks_set_on_header_callback(callbacks, on_header);
  nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, on_data);
  nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, on_closed);
  nghttp2_session_client_new(&session_, callbacks, this);
  nghttp2_session_callbacks_del(callbacks);
  const nghttp2_settings_entry window = {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, kStreamWindowBytes};
  nghttp2_submit_settings(session_, NGHTTP2_FLAG_NONE, &window, 1);
  nghttp2_session_set_local_window_size(session_, NGHTTP2_FLAG_NONE, 0, kConnectionWindowBytes);
}

RpcClient::~RpcClient() { nghttp2_session_del(session_); }

Status RpcClient::call(std::string_view path, std::string_view message, const OnMessage& on_message) {
  body_ = framed(message);
  sent_ = 0;
  on_message_ = &on_message;
  received_.clear();
  taken_ = {};
  status_.clear();
  text_.clear();
  answered_ = false;
  const std::array<nghttp2_nv, 6> headers = {field(":method", "POST"),
                                             field(":scheme", "http"),
                                             field(":path", path),
                                             field(":authority", authority_),
                                             field("content-type", "application/grpc"),
                                             field("te", "trailers")};
  nghttp2_data_provider body{};
  body.read_callback = read_body;
  if (nghttp2_submit_request(session_, nullptr, headers.data(), headers.size(), &body, nullptr) < 0) {
    return fail(ErrorCode::io, authority_ + " takes no more requests on this connection");
  }
  while (!answered_ && taken_) {
    if (!send_pending() || !receive_some()) {
      return taken_ ? fail(ErrorCode::io, authority_ + " closed the connection or did not answer") : taken_;
    }
  }
  if (taken_ && status_ != "0") {
    return fail(ErrorCode::io, authority_ + " refused: " + (status_.empty() ? "no status" : text_));
  }
  return taken_;
}

bool RpcClient::send_pending() {
  std::string bytes;
  const std::uint8_t* part = nullptr;
  for (ssize_t size = 0; (size = nghttp2_session_mem_send(session_, &part)) > 0;) {
    bytes.append(reinterpret_cast<const char*>(part), static_cast<std::size_t>(size));
  }
  return socket_.send_all(bytes);
}

bool RpcClient::receive_some() {
  std::array<std::uint8_t, 65536> block;
  const ssize_t got = ::recv(socket_.get(), block.data(), block.size(), 0);
  return got > 0 && nghttp2_session_mem_recv(session_, block.data(), static_cast<std::size_t>(got)) == got;
}

/// Hands over every message that is whole.
Status RpcClient::take_messages() {
  std::string_view rest = received_;
  while (rest.size() >= kPrefixBytes) {
    std::size_t size = 0;
    for (std::size_t i = 1; i < kPrefixBytes; ++i) {
      size = size << 8 | static_cast<unsigned char>(rest[i]);
    }
    if (rest[0] != 0 || size > kMaxMessageBytes) {
      return fail(ErrorCode::invalid, authority_ + " sent a message of " + std::to_string(size) +
                                          " bytes, or a compressed one; the limit is " +
                                          std::to_string(kMaxMessageBytes));
    }
    if (rest.size() < kPrefixBytes + size) {
      break;
    }
    QUORATE_TRY((*on_message_)(rest.substr(kPrefixBytes, size)));
    rest.remove_prefix(kPrefixBytes + size);
  }
  received_.erase(0, received_.size() - rest.size());
  return {};
}

int RpcClient::on_header(nghttp2_session*, const nghttp2_frame*, const std::uint8_t* name, std::size_t name_size,
                         const std::uint8_t* value, std::size_t value_size, std::uint8_t, void* self) {
  const std::string_view key(reinterpret_cast<const char*>(name), name_size);
  const std::string_view text(reinterpret_cast<const char*>(value), value_size);
  auto& client = *static_cast<RpcClient*>(self);
  if (key == "grpc-status") {
    client.status_ = text;
  } else if (key == "grpc-message") {
    client.text_ = text;
  }
  return 0;
}

int RpcClient::on_data(nghttp2_session*, std::uint8_t, std::int32_t, const std::uint8_t* bytes, std::size_t size,
                       void* self) {
  auto& client = *static_cast<RpcClient*>(self);
  client.received_.append(reinterpret_cast<const char*>(bytes), size);
  client.taken_ = client.take_messages();
  return client.taken_ ? 0 : NGHTTP2_ERR_CALLBACK_FAILURE;
}

int RpcClient::on_closed(nghttp2_session*, std::int32_t, std::uint32_t, void* self) {
  static_cast<RpcClient*>(self)->answered_ = true;
  return 0;
}

ssize_t RpcClient::read_body(nghttp2_session*, std::int32_t, std::uint8_t* to, std::size_t room, std::uint32_t* flags,
                             nghttp2_data_source*, void* self) {
  auto& client = *static_cast<RpcClient*>(self);
  const std::size_t size = std::min(room, client.body_.size() - client.sent_);
  std::memcpy(to, client.body_.data() + client.sent_, size);
  client.sent_ += size;
  if (client.sent_ == client.body_.size()) {
    *flags |= NGHTTP2_DATA_FLAG_EOF;
  }
  return static_cast<ssize_t>(size);
}

Result<std::string> call_node(const std::string& endpoint, std::string_view path, std::string_view message,
                              int timeout_ms) {
  const Result<Endpoint> where = Endpoint::parse(endpoint);
  if (!where) {
    return std::unexpected(where.error());
  }
  Result<Socket> socket = connect_to(*where, timeout_ms);
  if (!socket) {
    return std::unexpected(socket.error());
  }
  std::string answer;
  const Status done = RpcClient(std::move(*socket), *where).call(path, message, [&answer](std::string_view one) {
    answer = one;
    return Status();
  });
  return done ? Result<std::string>(std::move(answer)) : std::unexpected(done.error());
}

}  // namespace quorate::client
