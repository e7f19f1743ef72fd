#pragma once
// One client that puts and waits: etcd's KV/Put over gRPC on one blocking connection, for `quorate bench put`.
//
// Owned by the command, on its thread.

#include <cstdint>
#include <string>
#include <string_view>

#include <nghttp2/nghttp2.h>

#include "base/result.h"
#include "tcp_connect.h"

namespace quorate {

class PutClient {
 public:
  explicit PutClient(Socket socket, const Endpoint& endpoint);
  ~PutClient();
  PutClient(const PutClient&) = delete;
  PutClient& operator=(const PutClient&) = delete;

  /// Returns when the node has answered. An error is the node's, or of the connection, which then is of no more use.
  [[nodiscard]] Status put(std::string_view key, std::string_view value);

 private:
  [[nodiscard]] bool send_pending();
  [[nodiscard]] bool receive_some();
  static int on_header(nghttp2_session*, const nghttp2_frame*, const std::uint8_t* name, std::size_t name_size,
                       const std::uint8_t* value, std::size_t value_size, std::uint8_t, void* self);
  static int on_closed(nghttp2_session*, std::int32_t, std::uint32_t, void* self);
  static ssize_t read_body(nghttp2_session*, std::int32_t, std::uint8_t* to, std::size_t room, std::uint32_t* flags,
                           nghttp2_data_source*, void* self);

  Socket socket_;
  std::string authority_;
  nghttp2_session* session_ = nullptr;
  std::string body_;       ///< of the request, framed
  std::size_t sent_ = 0;   ///< of body_
  std::string status_;     ///< grpc-status of the answer
  std::string text_;       ///< grpc-message of the answer
  bool answered_ = false;  ///< the stream has ended
};

}  // namespace quorate
