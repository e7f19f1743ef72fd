#pragma once
// HTTP/1.1 requests from bytes that nobody vouches for: strict, bounded, one request at a time.
//
// Invariants: 1. head and body are bounded, and memory grows with the bytes that arrived. 2. what two parsers could
//                read differently is refused: bare LF, folded lines, a space before the colon, two lengths, length
//                beside a transfer coding. 3. nothing behind a request is looked at before reset().
// Source: RFC 9112. Owned by its connection, on the loop.

#include <cstddef>
#include <string>
#include <string_view>

#include "rpc/server.h"

namespace quorate::rpc {

class Http1Parser {
 public:
  enum class State : std::uint8_t {
    needs_more,
    ready,    ///< take_request(), then reset()
    refused,  ///< status() says why; the connection cannot go on
  };

  Http1Parser(std::size_t max_head_bytes, std::size_t max_body_bytes)
      : max_head_bytes_(max_head_bytes), max_body_bytes_(max_body_bytes) {}

  /// Takes bytes from the front of `input` up to the end of the request.
  [[nodiscard]] State feed(std::string_view& input);

  [[nodiscard]] HttpRequest take_request() { return std::move(request_); }
  [[nodiscard]] int status() const { return status_; }
  /// Of the request that is ready: the client will send another one on this connection.
  [[nodiscard]] bool keeps_alive() const { return keeps_alive_; }
  /// The client waits for "100 Continue" before it sends the body; true once per request.
  [[nodiscard]] bool take_expects_continue();
  /// Nothing of a request has arrived.
  [[nodiscard]] bool is_idle() const { return head_.empty() && !has_head_; }
  void reset();

 private:
  State refuse(int status);
  State parse_head();
  [[nodiscard]] bool parse_request_line(std::string_view line);
  [[nodiscard]] bool parse_header(std::string_view line);
  [[nodiscard]] bool apply_headers();

  std::size_t max_head_bytes_;
  std::size_t max_body_bytes_;
  std::string head_;
  bool has_head_ = false;
  std::size_t body_left_ = 0;
  int status_ = 0;
  bool keeps_alive_ = true;
  bool is_http_1_0_ = false;
  bool expects_continue_ = false;
  HttpRequest request_;
};

/// Standard words for a status code.
[[nodiscard]] std::string_view http_reason(int status);

}  // namespace quorate::rpc
