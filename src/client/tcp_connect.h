#pragma once
// A blocking TCP connection for programs that ask nodes something; calls on it end after a time-out.

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace quorate::client {

struct Endpoint {
  std::string host = "127.0.0.1";
  std::uint16_t port = 0;

  /// `host:port`, also with `http://` in front.
  [[nodiscard]] static Result<Endpoint> parse(std::string_view text);
  [[nodiscard]] std::string text() const { return host + ":" + std::to_string(port); }
};

/// Closes its descriptor at the end.
class Socket {
 public:
  explicit Socket(int descriptor) : descriptor_(descriptor) {}
  ~Socket();
  Socket(const Socket&) = delete;
  Socket& operator=(const Socket&) = delete;
  Socket(Socket&& other) noexcept : descriptor_(other.descriptor_) { other.descriptor_ = -1; }

  [[nodiscard]] int get() const { return descriptor_; }
  /// How long a call on it may wait.
  void set_timeout(int timeout_ms) const;
  /// False: the other side is gone or slower than the time-out.
  [[nodiscard]] bool send_all(std::string_view bytes) const;

 private:
  int descriptor_;
};

[[nodiscard]] Result<Socket> connect_to(const Endpoint& endpoint, int timeout_ms);

}  // namespace quorate::client
