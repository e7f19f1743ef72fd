#pragma once
// "host:port" as people write it, and socket addresses as the system wants them.
//
// Hosts are names, IPv4 or bracketed IPv6 addresses; an empty host means every address of this machine.
// Values; any thread.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <netinet/in.h>
#include <sys/socket.h>

#include "base/result.h"

namespace quorate::env_posix {

struct HostPort {
  std::string host;  ///< without brackets
  std::uint16_t port = 0;
};

/// Errors name the address and what is wrong with it.
[[nodiscard]] Result<HostPort> parse_host_port(std::string_view address);

/// An IPv4 or IPv6 address with its port.
struct SocketAddress {
  sockaddr_storage storage{};
  socklen_t size = 0;

  [[nodiscard]] const sockaddr* get() const { return static_cast<const sockaddr*>(static_cast<const void*>(&storage)); }
  [[nodiscard]] sockaddr* get() { return static_cast<sockaddr*>(static_cast<void*>(&storage)); }
  [[nodiscard]] int family() const { return storage.ss_family; }
  [[nodiscard]] std::uint16_t port() const;
  [[nodiscard]] bool is_wildcard() const;
  /// "127.0.0.1:2380", "[::1]:2380"
  [[nodiscard]] std::string text() const;
};

enum class Lookup : std::uint8_t {
  numeric_only,  ///< never leaves the process
  full,          ///< may block for seconds: not on the loop
};

/// The addresses of `to`, IPv4 first, at least one. ErrorCode::not_found: the name has none (for numeric_only: it is a
/// name); the text names host and reason.
[[nodiscard]] Result<std::vector<SocketAddress>> look_up(const HostPort& to, Lookup how);

}  // namespace quorate::env_posix
