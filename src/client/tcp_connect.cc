#include "client/tcp_connect.h"

#include <cerrno>
#include <charconv>
#include <cstring>

#include <netdb.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

namespace quorate::client {

Result<Endpoint> Endpoint::parse(std::string_view text) {
  constexpr std::string_view kScheme = "http://";
  const std::string_view rest = text.starts_with(kScheme) ? text.substr(kScheme.size()) : text;
  const std::size_t colon = rest.rfind(':');
  Endpoint endpoint;
  if (colon != std::string_view::npos && colon > 0) {
    endpoint.host = rest.substr(0, colon);
    const char* end = rest.data() + rest.size();
    const auto [rest_of_number, error] = std::from_chars(rest.data() + colon + 1, end, endpoint.port);
    if (error == std::errc() && rest_of_number == end && endpoint.port != 0) {
      return endpoint;
    }
  }
  return fail(ErrorCode::invalid, "not an endpoint: `" + std::string(text) + "`; write host:port");
}

Socket::~Socket() {
  if (descriptor_ >= 0) {
    ::close(descriptor_);
  }
}

void Socket::set_timeout(int timeout_ms) const {
  timeval timeout{};
  timeout.tv_sec = timeout_ms / 1000;
  timeout.tv_usec = static_cast<suseconds_t>(timeout_ms % 1000) * 1000;
  ::setsockopt(descriptor_, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout));
  ::setsockopt(descriptor_, SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof(timeout));
}

bool Socket::send_all(std::string_view bytes) const {
  while (!bytes.empty()) {
    const ssize_t sent = ::send(descriptor_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent <= 0 && errno != EINTR) {
      return false;
    }
    bytes.remove_prefix(sent > 0 ? static_cast<std::size_t>(sent) : 0);
  }
  return true;
}

Result<Socket> connect_to(const Endpoint& endpoint, int timeout_ms) {
  addrinfo wanted{};
  wanted.ai_family = AF_UNSPEC;
  wanted.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  if (const int error = ::getaddrinfo(endpoint.host.c_str(), std::to_string(endpoint.port).c_str(), &wanted, &found);
      error != 0) {
    return fail(ErrorCode::io, "cannot resolve " + endpoint.text() + ": " + ::gai_strerror(error));
  }
  Socket socket(::socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const int on = 1;
  socket.set_timeout(timeout_ms);
  ::setsockopt(socket.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
  const int connected = ::connect(socket.get(), found->ai_addr, found->ai_addrlen);
  const int error = errno;
  ::freeaddrinfo(found);
  if (connected != 0) {
    return fail(ErrorCode::io, "cannot connect to " + endpoint.text() + ": " + std::strerror(error));
  }
  return socket;
}

}  // namespace quorate::client
