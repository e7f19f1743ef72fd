#include "http_get.h"

#include <array>
#include <cstdlib>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

namespace quorate::dev {
namespace {

constexpr std::size_t kMaxAnswerBytes = 4U << 20;

/// Closes the descriptor when the scope ends.
struct Socket {
  int descriptor = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  Socket() = default;
  Socket(const Socket&) = delete;
  Socket& operator=(const Socket&) = delete;
  ~Socket() {
    if (descriptor >= 0) {
      ::close(descriptor);
    }
  }
};

bool connect_local(int descriptor, std::uint16_t port, int timeout_ms) {
  timeval timeout{};
  timeout.tv_sec = timeout_ms / 1000;
  timeout.tv_usec = static_cast<suseconds_t>(timeout_ms % 1000) * 1000;
  ::setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout));
  ::setsockopt(descriptor, SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof(timeout));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return ::connect(descriptor, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0;
}

}  // namespace

std::optional<HttpAnswer> http_get(std::uint16_t port, const std::string& path, int timeout_ms) {
  const Socket socket;
  if (socket.descriptor < 0 || !connect_local(socket.descriptor, port, timeout_ms)) {
    return std::nullopt;
  }
  const std::string request = "GET " + path + " HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
  if (::send(socket.descriptor, request.data(), request.size(), MSG_NOSIGNAL) != static_cast<ssize_t>(request.size())) {
    return std::nullopt;
  }
  std::string answer;
  std::array<char, 16384> block{};
  for (;;) {
    const ssize_t count = ::recv(socket.descriptor, block.data(), block.size(), 0);
    if (count <= 0 || answer.size() > kMaxAnswerBytes) {
      break;
    }
    answer.append(block.data(), static_cast<std::size_t>(count));
  }
  const std::size_t space = answer.find(' ');
  const std::size_t body = answer.find("\r\n\r\n");
  if (space == std::string::npos || body == std::string::npos) {
    return std::nullopt;
  }
  return HttpAnswer{std::atoi(answer.c_str() + space + 1), answer.substr(body + 4)};
}

}  // namespace quorate::dev
