#include "env_posix/address.h"

#include <charconv>
#include <cstring>

#include <arpa/inet.h>
#include <netdb.h>

namespace quorate::env_posix {
namespace {

std::unexpected<Error> bad_address(std::string_view address, std::string_view why) {
  return fail(ErrorCode::invalid, "'" + std::string(address) + "' is not host:port: " + std::string(why));
}

const sockaddr_in& as_v4(const SocketAddress& address) {
  return *static_cast<const sockaddr_in*>(static_cast<const void*>(&address.storage));
}
const sockaddr_in6& as_v6(const SocketAddress& address) {
  return *static_cast<const sockaddr_in6*>(static_cast<const void*>(&address.storage));
}

}  // namespace

Result<HostPort> parse_host_port(std::string_view address) {
  const std::size_t colon = address.rfind(':');
  if (colon == std::string_view::npos) {
    return bad_address(address, "the port is missing");
  }
  std::string_view host = address.substr(0, colon);
  if (host.starts_with('[') && host.ends_with(']')) {
    host = host.substr(1, host.size() - 2);
  } else if (host.find(':') != std::string_view::npos) {
    return bad_address(address, "write an IPv6 address in brackets");
  }
  const std::string_view digits = address.substr(colon + 1);
  std::uint16_t port = 0;
  const auto parsed = std::from_chars(digits.data(), digits.data() + digits.size(), port);
  if (digits.empty() || parsed.ec != std::errc() || parsed.ptr != digits.data() + digits.size()) {
    return bad_address(address, "the port is a number from 0 to 65535");
  }
  return HostPort{std::string(host), port};
}

std::uint16_t SocketAddress::port() const {
  return ntohs(family() == AF_INET ? as_v4(*this).sin_port : as_v6(*this).sin6_port);
}

bool SocketAddress::is_wildcard() const {
  return family() == AF_INET ? as_v4(*this).sin_addr.s_addr == htonl(INADDR_ANY)
                             : IN6_IS_ADDR_UNSPECIFIED(&as_v6(*this).sin6_addr);
}

std::string SocketAddress::text() const {
  char host[INET6_ADDRSTRLEN] = {};
  if (family() == AF_INET) {
    ::inet_ntop(AF_INET, &as_v4(*this).sin_addr, host, sizeof host);
    return std::string(host) + ":" + std::to_string(port());
  }
  ::inet_ntop(AF_INET6, &as_v6(*this).sin6_addr, host, sizeof host);
  return "[" + std::string(host) + "]:" + std::to_string(port());
}

Result<std::vector<SocketAddress>> look_up(const HostPort& to, Lookup how) {
  addrinfo hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_NUMERICSERV;
  if (how == Lookup::numeric_only) {
    hints.ai_flags |= AI_NUMERICHOST;
  }
  if (to.host.empty()) {
    hints.ai_flags |= AI_PASSIVE;
  }
  addrinfo* found = nullptr;
  const std::string port = std::to_string(to.port);
  const int failure = ::getaddrinfo(to.host.empty() ? nullptr : to.host.c_str(), port.c_str(), &hints, &found);
  if (failure != 0) {
    return fail(ErrorCode::not_found, "'" + to.host + "' does not resolve (" + ::gai_strerror(failure) + ")");
  }
  std::vector<SocketAddress> addresses;
  for (const int family : {AF_INET, AF_INET6}) {
    for (const addrinfo* one = found; one != nullptr; one = one->ai_next) {
      if (one->ai_family == family && one->ai_addrlen <= sizeof(sockaddr_storage)) {
        SocketAddress& address = addresses.emplace_back();
        std::memcpy(&address.storage, one->ai_addr, one->ai_addrlen);
        address.size = one->ai_addrlen;
      }
    }
  }
  ::freeaddrinfo(found);
  if (addresses.empty()) {
    return fail(ErrorCode::not_found, "'" + to.host + "' has no IPv4 or IPv6 address");
  }
  return addresses;
}

}  // namespace quorate::env_posix
