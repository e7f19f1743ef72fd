#include "api/http/target.h"

#include <algorithm>

namespace quorate::http {
namespace {

int digit_of(char c) {
  if (c >= '0' && c <= '9') {
    return c - '0';
  }
  const char lower = static_cast<char>(c | 0x20);
  return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

std::string percent_decode(std::string_view text, bool plus_is_space) {
  std::string result;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '%' && i + 2 < text.size() && digit_of(text[i + 1]) >= 0 && digit_of(text[i + 2]) >= 0) {
      result.push_back(static_cast<char>(digit_of(text[i + 1]) * 16 + digit_of(text[i + 2])));
      i += 2;
    } else {
      result.push_back(text[i] == '+' && plus_is_space ? ' ' : text[i]);
    }
  }
  return result;
}

}  // namespace

bool Target::has(std::string_view name) const {
  return std::any_of(query.begin(), query.end(), [&](const auto& field) { return field.first == name; });
}

bool Target::is_true(std::string_view name) const { return has_value(name, "true"); }

bool Target::has_value(std::string_view name, std::string_view value) const {
  return std::any_of(query.begin(), query.end(),
                     [&](const auto& field) { return field.first == name && field.second == value; });
}

Target parse_target(std::string_view target) {
  Target result;
  const std::size_t mark = target.find('?');
  result.path = percent_decode(target.substr(0, mark), false);
  std::string_view rest = mark == std::string_view::npos ? std::string_view() : target.substr(mark + 1);
  while (!rest.empty()) {
    const std::string_view field = rest.substr(0, rest.find('&'));
    rest.remove_prefix(std::min(rest.size(), field.size() + 1));
    const std::size_t equals = field.find('=');
    result.query.emplace_back(
        percent_decode(field.substr(0, equals), true),
        equals == std::string_view::npos ? std::string() : percent_decode(field.substr(equals + 1), true));
  }
  return result;
}

}  // namespace quorate::http
