#include "env_posix/port_owner.h"

#include <charconv>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string_view>
#include <system_error>
#include <vector>

namespace quorate::env_posix {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kListening = "0A";  // TCP_LISTEN in /proc/net/tcp

/// The address column of /proc/net/tcp: the address's 32-bit words as this machine stores them, in hexadecimal.
std::string proc_address(const SocketAddress& address) {
  std::uint32_t words[4] = {};
  std::size_t count = 1;
  if (address.family() == AF_INET) {
    std::memcpy(words, &static_cast<const sockaddr_in*>(static_cast<const void*>(&address.storage))->sin_addr, 4);
  } else {
    std::memcpy(words, &static_cast<const sockaddr_in6*>(static_cast<const void*>(&address.storage))->sin6_addr, 16);
    count = 4;
  }
  std::string text;
  for (std::size_t i = 0; i < count; ++i) {
    char digits[9] = {};
    std::snprintf(digits, sizeof digits, "%08X", words[i]);
    text += digits;
  }
  return text;
}

/// Inodes of the sockets in `table` that listen where binding to `address` collides with them.
void find_listeners(const char* table, const SocketAddress& address, std::vector<std::string>& inodes) {
  std::ifstream file(table);
  std::string line;
  std::getline(file, line);  // the headings
  const std::string wanted = proc_address(address);
  while (std::getline(file, line)) {
    std::istringstream fields(line);
    std::string number, local, remote, state, queues, timer, retransmit, uid, timeout, inode;
    fields >> number >> local >> remote >> state >> queues >> timer >> retransmit >> uid >> timeout >> inode;
    const std::size_t colon = local.find(':');
    if (state != kListening || colon == std::string::npos) {
      continue;
    }
    unsigned port = 0;
    std::from_chars(local.data() + colon + 1, local.data() + local.size(), port, 16);
    const std::string_view host = std::string_view(local).substr(0, colon);
    const bool any = host.find_first_not_of('0') == std::string_view::npos;
    if (port == address.port() && (any || address.is_wildcard() || host == wanted)) {
      inodes.push_back(inode);
    }
  }
}

bool holds_socket(const fs::path& descriptors, const std::vector<std::string>& inodes) {
  std::error_code ignored;
  for (fs::directory_iterator entry(descriptors, ignored), end; !ignored && entry != end; entry.increment(ignored)) {
    std::error_code unreadable;
    const std::string target = fs::read_symlink(entry->path(), unreadable).string();
    for (const std::string& inode : inodes) {
      if (target == "socket:[" + inode + "]") {
        return true;
      }
    }
  }
  return false;
}

}  // namespace

std::string owner_of_port(const SocketAddress& address) {
  std::vector<std::string> inodes;
  find_listeners("/proc/net/tcp", address, inodes);
  find_listeners("/proc/net/tcp6", address, inodes);
  if (inodes.empty()) {
    return {};
  }
  std::error_code ignored;
  for (fs::directory_iterator process("/proc", ignored), end; !ignored && process != end; process.increment(ignored)) {
    const std::string pid = process->path().filename().string();
    if (pid.find_first_not_of("0123456789") != std::string::npos || !holds_socket(process->path() / "fd", inodes)) {
      continue;
    }
    std::string name;
    std::ifstream comm(process->path() / "comm");
    std::getline(comm, name);
    return (name.empty() ? "process" : name) + " (pid " + pid + ")";
  }
  return "a process of another user";
}

}  // namespace quorate::env_posix
