#pragma once
// One gRPC client that asks and waits: a call at a time on one blocking connection, for programs that ask nodes
// something.
//
// Invariants: 1. a message larger than kMaxMessageBytes ends the call before its bytes are kept. 2. after an error of
// the connection the client is of no more use. Owned by whoever asks, on one thread.

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include <nghttp2/nghttp2.h>

#include "base/result.h"
#include "client/tcp_connect.h"

namespace quorate::client {

class RpcClient {
 public:
  static constexpr std::size_t kMaxMessageBytes = 16U << 20;
  /// Takes one message of the answer, while it is there. An error ends the call.
  using OnMessage = std::function<Status(std::string_view)>;

  explicit RpcClient(Socket socket, const Endpoint& endpoint);
  ~RpcClient();
  RpcClient(const RpcClient&) = delete;
  RpcClient& operator=(const RpcClient&) = delete;

  /// Sends one message and returns when the node has answered. `path` is "/etcdserverpb.KV/Put". An error is the
  /// node's, on_message's, or of the connection.
  [[nodiscard]] Status call(std::string_view path, std::string_view message, const OnMessage& on_message);

 private:
  [[nodiscard]] bool send_pending();
  [[nodiscard]] bool receive_some();
  [[nodiscard]] Status take_messages();
  static int on_header(nghttp2_session*, const nghttp2_frame*, const std::uint8_t* name, std::size_t name_size,
                       const std::uint8_t* value, std::size_t value_size, std::uint8_t, void* self);
  static int on_data(nghttp2_session*, std::uint8_t, std::int32_t, const std::uint8_t* bytes, std::size_t size,
                     void* self);
  static int on_closed(nghttp2_session*, std::int32_t, std::uint32_t, void* self);
  static ssize_t read_body(nghttp2_session*, std::int32_t, std::uint8_t* to, std::size_t room, std::uint32_t* flags,
                           nghttp2_data_source*, void* self);

  Socket socket_;
  std::string authority_;
  nghttp2_session* session_ = nullptr;
  std::string body_;                       ///< of the request, framed
  std::size_t sent_ = 0;                   ///< of body_
  const OnMessage* on_message_ = nullptr;  ///< of the present call
  std::string received_;                   ///< of the answer, not yet a whole message
  Status taken_;                           ///< what on_message said
  std::string status_;                     ///< grpc-status of the answer
  std::string text_;                       ///< grpc-message of the answer
  bool answered_ = false;                  ///< the stream has ended
};

/// One call of a node, over a connection of its own; the answer's last message. `endpoint` is host:port.
[[nodiscard]] Result<std::string> call_node(const std::string& endpoint, std::string_view path,
                                            std::string_view message, int timeout_ms);

}  // namespace quorate::client
