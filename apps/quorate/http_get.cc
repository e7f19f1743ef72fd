#include "http_get.h"

#include <array>
#include <cstdlib>

#include <sys/socket.h>

namespace quorate {
namespace {

constexpr std::size_t kMaxAnswerBytes = 4U << 20;

}  // namespace

std::optional<HttpAnswer> http_get(const client::Endpoint& endpoint, const std::string& path, int timeout_ms) {
  const Result<client::Socket> socket = client::connect_to(endpoint, timeout_ms);
  if (!socket ||
      !socket->send_all("GET " + path + " HTTP/1.1\r\nHost: " + endpoint.host + "\r\nConnection: close\r\n\r\n")) {
    return std::nullopt;
  }
  std::string answer;
  std::array<char, 16384> block{};
  for (;;) {
    const ssize_t count = ::recv(socket->get(), block.data(), block.size(), 0);
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

}  // namespace quorate
