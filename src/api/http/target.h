#pragma once
// The target of an HTTP request, taken apart: path and query parameters, percent-decoded. Pure.

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace quorate::http {

struct Target {
  std::string path;
  std::vector<std::pair<std::string, std::string>> query;  ///< in order, names may repeat

  [[nodiscard]] bool has(std::string_view name) const;
  [[nodiscard]] bool is_true(std::string_view name) const;
  [[nodiscard]] bool has_value(std::string_view name, std::string_view value) const;
};

[[nodiscard]] Target parse_target(std::string_view target);

}  // namespace quorate::http
