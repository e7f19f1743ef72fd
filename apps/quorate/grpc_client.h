#pragma once
// A client that asks and waits: unary gRPC calls on one blocking connection, for the commands that ask nodes something.
//
// Owned by the command, on its thread.

#include <cstdint>
#include <string>
#include <string_view>

#include <nghttp2/nghttp2.h>

#include "base/result.h"
#include "tcp_connect.h"

namespace quorate {

class GrpcClient {
 public:
  explicit GrpcClient(Socket socket, const Endpoint& endpoint);
  ~GrpcClient();
  GrpcClient(const GrpcClient&) = delete;
  GrpcClient& operator=(const GrpcClient&) = delete;

  /// Returns the answer's message. An error is the node's, in its words, or of the connection, which then is of no more
  /// use: see is_usable(). `path`: "/package.Service/Method".
  [[nodiscard]] Result<std::string> call(std::string_view path, std::string_view message);
  [[nodiscard]] bool is_usable() const { return usable_; }

 private:
  [[nodiscard]] bool send_pending();
  [[nodiscard]] bool receive_some();
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
  std::string body_;       ///< of the request, framed
  std::size_t sent_ = 0;   ///< of body_
  std::string status_;     ///< grpc-status of the answer
  std::string text_;       ///< grpc-message of the answer
  std::string answer_;     ///< its messages, framed
  bool answered_ = false;  ///< the stream has ended
  bool usable_ = true;
};

}  // namespace quorate
