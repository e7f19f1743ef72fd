#include "sim/history_record.h"

#include <charconv>

namespace quorate::sim {
namespace {

std::optional<int> hex_digit(char c) {
  if (c >= '0' && c <= '9') {
    return c - '0';
  }
  const char lower = static_cast<char>(c | 0x20);
  return lower >= 'a' && lower <= 'f' ? std::optional(lower - 'a' + 10) : std::nullopt;
}

std::optional<std::string> unescape(std::string_view raw) {
  std::string bytes;
  for (std::size_t i = 0; i < raw.size(); ++i) {
    if (raw[i] != '%') {
      bytes += raw[i];
      continue;
    }
    const auto high = i + 2 < raw.size() ? hex_digit(raw[i + 1]) : std::nullopt;
    const auto low = high ? hex_digit(raw[i + 2]) : std::nullopt;
    if (!low) {
      return std::nullopt;
    }
    bytes += static_cast<char>(*high * 16 + *low);
    i += 2;
  }
  return bytes;
}

}  // namespace

HistoryRecord::HistoryRecord(std::string_view line) {
  while (!line.empty()) {
    const std::size_t space = std::min(line.find(' '), line.size());
    add(line.substr(0, space));
    line.remove_prefix(std::min(space + 1, line.size()));
  }
}

void HistoryRecord::add(std::string_view piece) {
  if (word_.empty()) {
    word_ = piece;
    return;
  }
  const std::size_t equals = piece.find('=');
  if (equals == std::string_view::npos) {
    note("`" + std::string(piece) + "` is not name=value");
    return;
  }
  fields_.emplace_back(piece.substr(0, equals), piece.substr(equals + 1));
}

std::string HistoryRecord::optional_text(std::string_view name) {
  return unescaped(name, take_if_there(name).value_or(""));
}

std::int64_t HistoryRecord::optional_number(std::string_view name) {
  return parsed(name, take_if_there(name).value_or("0"));
}

void HistoryRecord::note(std::string what) {
  if (wrong_.empty()) {
    wrong_ = std::move(what);
  }
}

std::string HistoryRecord::wrong() {
  if (!fields_.empty()) {
    note("`" + std::string(word_) + "` has no field `" + std::string(fields_.front().first) + "`");
  }
  return wrong_;
}

std::optional<std::string_view> HistoryRecord::take_if_there(std::string_view name) {
  const auto found = std::ranges::find(fields_, name, &std::pair<std::string_view, std::string_view>::first);
  if (found == fields_.end()) {
    return std::nullopt;
  }
  const std::string_view value = found->second;
  fields_.erase(found);
  return value;
}

std::string_view HistoryRecord::take(std::string_view name) {
  const auto value = take_if_there(name);
  if (!value) {
    note("`" + std::string(word_) + "` needs `" + std::string(name) + "`");
  }
  return value.value_or("");
}

std::string HistoryRecord::unescaped(std::string_view name, std::string_view raw) {
  std::optional<std::string> bytes = unescape(raw);
  if (!bytes) {
    note("`" + std::string(name) + "` has a `%` without two hexadecimal digits");
  }
  return std::move(bytes).value_or("");
}

std::int64_t HistoryRecord::parsed(std::string_view name, std::string_view raw) {
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(raw.data(), raw.data() + raw.size(), value);
  if (error != std::errc() || end != raw.data() + raw.size()) {
    note("`" + std::string(name) + "` is not a number: `" + std::string(raw) + "`");
  }
  return value;
}

}  // namespace quorate::sim
