#pragma once
// A gRPC client in memory for tests and benchmarks: nghttp2's client session joined to a Connection without sockets.
//
// Not part of the server: included by *_test.cc, bench and fuzz only. Owned by a test.

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <nghttp2/nghttp2.h>

#include "base/assert.h"
#include "rpc/grpc_message.h"
#include "rpc/server.h"

namespace quorate::rpc::testing {

using Headers = std::vector<std::pair<std::string, std::string>>;

/// What a Connection writes; a test decides when the socket takes it.
class TestOutput : public Output {
 public:
  void write(std::span<const Buffer> chunks) override {
    ++writes;
    for (const Buffer& chunk : chunks) {
      bytes.append(chunk.view());
    }
  }
  std::size_t unsent_bytes() const override { return holds_back ? bytes.size() : 0; }
  void request_flush() override { flush_requested = true; }

  std::string bytes;        ///< written and not yet given to the client
  bool holds_back = false;  ///< the socket takes nothing
  bool flush_requested = false;
  int writes = 0;
};

/// What came back on one stream.
struct Response {
  Headers headers;  ///< response headers and trailers, in order
  std::vector<std::string> messages;
  std::string unparsed;
  bool is_closed = false;
  std::uint32_t error = 0;  ///< of RST_STREAM

  [[nodiscard]] std::string header(std::string_view name) const {
    for (const auto& [key, value] : headers) {
      if (key == name) {
        return value;
      }
    }
    return {};
  }
  [[nodiscard]] std::string status() const { return header("grpc-status"); }
  [[nodiscard]] std::string text() const { return header("grpc-message"); }
};

/// One gRPC message as it stands in a DATA frame.
inline std::string framed(std::string_view message) {
  const auto prefix = message_prefix(message.size());
  return std::string(prefix.data(), prefix.size()) + std::string(message);
}

class TestClient {
 public:
  TestClient() {
    nghttp2_session_callbacks* callbacks = nullptr;
    nghttp2_session_callbacks_new(&callbacks);
    nghttp2_session_callbacks_set_on_header_callback(callbacks, on_header);
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, on_data);
    nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, on_close);
    nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, on_frame);
    nghttp2_option* options = nullptr;
    nghttp2_option_new(&options);
    nghttp2_option_set_no_auto_window_update(options, 1);
    nghttp2_option_set_peer_max_concurrent_streams(options, 10'000'000);
    nghttp2_session_client_new2(&session_, callbacks, this, options);
    nghttp2_option_del(options);
    nghttp2_session_callbacks_del(callbacks);
    nghttp2_submit_settings(session_, NGHTTP2_FLAG_NONE, nullptr, 0);
  }
  ~TestClient() { nghttp2_session_del(session_); }
  TestClient(const TestClient&) = delete;
  TestClient& operator=(const TestClient&) = delete;

  /// Opens a call. The request's side stays open until half_close().
  std::int32_t open(std::string_view path, const Headers& extra = {}, bool ends = false) {
    Headers all = {{":method", "POST"},
                   {":scheme", "http"},
                   {":path", std::string(path)},
                   {":authority", "test"},
                   {"content-type", "application/grpc"},
                   {"te", "trailers"}};
    for (const auto& field : extra) {
      bool replaced = false;
      for (auto& present : all) {
        if (present.first == field.first) {
          present.second = field.second;
          replaced = true;
        }
      }
      if (!replaced) {
        all.push_back(field);
      }
    }
    std::vector<nghttp2_nv> fields;
    for (auto& [name, value] : all) {
      fields.push_back({reinterpret_cast<std::uint8_t*>(name.data()), reinterpret_cast<std::uint8_t*>(value.data()),
                        name.size(), value.size(), NGHTTP2_NV_FLAG_NONE});
    }
    nghttp2_data_provider body;
    body.source.ptr = this;
    body.read_callback = read_body;
    const std::int32_t stream =
        nghttp2_submit_request(session_, nullptr, fields.data(), fields.size(), ends ? nullptr : &body, nullptr);
    QUORATE_ASSERT(stream > 0, "the client may open a stream");
    return stream;
  }
  void send_raw(std::int32_t stream, std::string_view bytes) {
    bodies_[stream].bytes.append(bytes);
    nghttp2_session_resume_data(session_, stream);
  }
  void send(std::int32_t stream, std::string_view message) { send_raw(stream, framed(message)); }
  void half_close(std::int32_t stream) {
    bodies_[stream].ends = true;
    nghttp2_session_resume_data(session_, stream);
  }
  std::int32_t unary(std::string_view path, std::string_view message, const Headers& extra = {}) {
    const std::int32_t stream = open(path, extra);
    send(stream, message);
    half_close(stream);
    return stream;
  }
  void reset(std::int32_t stream, std::uint32_t error = NGHTTP2_CANCEL) {
    nghttp2_submit_rst_stream(session_, NGHTTP2_FLAG_NONE, stream, error);
  }
  void ping() { nghttp2_submit_ping(session_, NGHTTP2_FLAG_NONE, nullptr); }

  /// The bytes that the client wants to send now.
  std::string take_bytes() {
    std::string out;
    while (true) {
      const std::uint8_t* bytes = nullptr;
      const ssize_t size = nghttp2_session_mem_send(session_, &bytes);
      if (size <= 0) {
        return out;
      }
      out.append(reinterpret_cast<const char*>(bytes), static_cast<std::size_t>(size));
    }
  }
  void receive(std::string_view bytes) {
    const ssize_t taken =
        nghttp2_session_mem_recv(session_, reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size());
    is_broken = is_broken || taken < 0;
  }

  [[nodiscard]] const Response& response(std::int32_t stream) { return responses_[stream]; }
  nghttp2_session* session() { return session_; }

  bool reads_data = true;  ///< false: flow-control windows are not opened again
  bool is_broken = false;
  bool has_goaway = false;
  std::uint32_t goaway_error = 0;
  std::string goaway_text;
  int ping_acks = 0;

 private:
  struct Body {
    std::string bytes;
    bool ends = false;
  };
  static TestClient& of(void* self) { return *static_cast<TestClient*>(self); }

  static int on_header(nghttp2_session*, const nghttp2_frame* frame, const std::uint8_t* name, std::size_t name_size,
                       const std::uint8_t* value, std::size_t value_size, std::uint8_t, void* self) {
    of(self).responses_[frame->hd.stream_id].headers.emplace_back(
        std::string(reinterpret_cast<const char*>(name), name_size),
        std::string(reinterpret_cast<const char*>(value), value_size));
    return 0;
  }
  static int on_data(nghttp2_session* session, std::uint8_t, std::int32_t stream, const std::uint8_t* bytes,
                     std::size_t size, void* self) {
    Response& response = of(self).responses_[stream];
    response.unparsed.append(reinterpret_cast<const char*>(bytes), size);
    while (response.unparsed.size() >= kMessagePrefixBytes) {
      std::size_t length = 0;
      for (std::size_t i = 1; i < kMessagePrefixBytes; ++i) {
        length = length << 8 | static_cast<unsigned char>(response.unparsed[i]);
      }
      if (response.unparsed.size() < kMessagePrefixBytes + length) {
        break;
      }
      response.messages.push_back(response.unparsed.substr(kMessagePrefixBytes, length));
      response.unparsed.erase(0, kMessagePrefixBytes + length);
    }
    if (of(self).reads_data) {
      nghttp2_session_consume(session, stream, size);
    }
    return 0;
  }
  static int on_close(nghttp2_session*, std::int32_t stream, std::uint32_t error, void* self) {
    of(self).responses_[stream].is_closed = true;
    of(self).responses_[stream].error = error;
    return 0;
  }
  static int on_frame(nghttp2_session*, const nghttp2_frame* frame, void* self) {
    if (frame->hd.type == NGHTTP2_GOAWAY) {
      of(self).has_goaway = true;
      of(self).goaway_error = frame->goaway.error_code;
      of(self).goaway_text.assign(reinterpret_cast<const char*>(frame->goaway.opaque_data),
                                  frame->goaway.opaque_data_len);
    } else if (frame->hd.type == NGHTTP2_PING && (frame->hd.flags & NGHTTP2_FLAG_ACK) != 0) {
      ++of(self).ping_acks;
    }
    return 0;
  }
  static ssize_t read_body(nghttp2_session*, std::int32_t stream, std::uint8_t* to, std::size_t room,
                           std::uint32_t* flags, nghttp2_data_source*, void* self) {
    Body& body = of(self).bodies_[stream];
    if (body.bytes.empty() && !body.ends) {
      return NGHTTP2_ERR_DEFERRED;
    }
    const std::size_t size = body.bytes.copy(reinterpret_cast<char*>(to), room);
    body.bytes.erase(0, size);
    if (body.bytes.empty() && body.ends) {
      *flags |= NGHTTP2_DATA_FLAG_EOF;
    }
    return static_cast<ssize_t>(size);
  }

  nghttp2_session* session_ = nullptr;
  std::map<std::int32_t, Body> bodies_;
  std::map<std::int32_t, Response> responses_;
};

/// A client and a server's connection, joined: run() carries bytes both ways until nothing moves.
class Wire {
 public:
  Wire(Handler& handler, HttpHandler& http, const ServerLimits& limits = {})
      : connection(Connection::make(limits, handler, http, output)) {}

  void run() {
    for (int i = 0; i < 1000; ++i) {
      const std::string sent = client.take_bytes();
      if (sent.empty() && output.bytes.empty() && !output.flush_requested && !connection->wants_flush()) {
        return;
      }
      feed(sent);
      if (!is_open || output.holds_back) {
        return;
      }
    }
  }
  /// Gives bytes to the server, flushes as the listener does, and hands what came out to the client.
  void feed(std::string_view bytes) {
    if (is_open && !bytes.empty() && !connection->receive(Buffer::copy_of(bytes), now)) {
      is_open = false;
    }
    flush();
  }
  void flush() {
    output.flush_requested = false;
    is_open = connection->flush() && is_open;
    if (!output.holds_back && !output.bytes.empty()) {
      received += output.bytes;
      client.receive(std::exchange(output.bytes, {}));
      connection->on_drained();
    }
  }
  void pass(Duration time) {
    now += time;
    is_open = is_open && connection->check_timeouts(now);
  }

  TestOutput output;
  TestClient client;
  std::unique_ptr<Connection> connection;
  std::string received;  ///< all that the server sent
  Instant now{};
  bool is_open = true;
};

}  // namespace quorate::rpc::testing
