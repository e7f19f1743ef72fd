#pragma once
// One blocking HTTP/1.1 GET: how `quorate dev` and `quorate bench` ask nodes how they are.

#include <optional>
#include <string>

#include "client/tcp_connect.h"

namespace quorate {

struct HttpAnswer {
  int status = 0;
  std::string body;
};

/// Nothing if the node does not answer within `timeout_ms`.
[[nodiscard]] std::optional<HttpAnswer> http_get(const client::Endpoint& endpoint, const std::string& path,
                                                 int timeout_ms);

}  // namespace quorate
