#pragma once
// One blocking HTTP/1.1 GET to a port of this machine: how `quorate dev` asks its nodes how they are.

#include <cstdint>
#include <optional>
#include <string>

namespace quorate::dev {

struct HttpAnswer {
  int status = 0;
  std::string body;
};

/// Nothing if the port does not answer within `timeout_ms`.
[[nodiscard]] std::optional<HttpAnswer> http_get(std::uint16_t port, const std::string& path, int timeout_ms);

}  // namespace quorate::dev
