#pragma once
// One line of a written history: a word, then fields name=value, values with %XX for bytes that would disturb.
//
// Invariants: 1. a getter takes its field away, so that what is left at the end was not known. 2. the first thing that
//                is wrong is kept and getters go on with empty values: the reader asks wrong() once, at the end.
// Owned by the parser; views the text that it was made of.

#include <algorithm>
#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/time.h"

namespace quorate::sim {

class HistoryRecord {
 public:
  explicit HistoryRecord(std::string_view line);

  [[nodiscard]] std::string_view word() const { return word_; }

  [[nodiscard]] std::string text(std::string_view name) { return unescaped(name, take(name)); }
  [[nodiscard]] std::string optional_text(std::string_view name);
  [[nodiscard]] std::int64_t number(std::string_view name) { return parsed(name, take(name)); }
  /// 0 if it is not there.
  [[nodiscard]] std::int64_t optional_number(std::string_view name);
  [[nodiscard]] std::uint32_t index(std::string_view name) { return static_cast<std::uint32_t>(number(name)); }
  /// Nanoseconds of the recorder's monotonic clock.
  [[nodiscard]] Instant instant(std::string_view name) { return Instant(std::chrono::nanoseconds(number(name))); }

  template <class Value, std::size_t kCount>
  [[nodiscard]] Value one_of(std::string_view name, const std::array<std::pair<std::string_view, Value>, kCount>& all) {
    const std::string_view raw = take(name);
    const auto found = std::ranges::find(all, raw, &std::pair<std::string_view, Value>::first);
    if (found == all.end()) {
      note("`" + std::string(name) + "` has no meaning `" + std::string(raw) + "`");
      return {};
    }
    return found->second;
  }

  void note(std::string what);
  /// The first thing that is wrong, also a field that nobody took; empty if nothing is.
  [[nodiscard]] std::string wrong();

 private:
  void add(std::string_view piece);
  [[nodiscard]] std::optional<std::string_view> take_if_there(std::string_view name);
  [[nodiscard]] std::string_view take(std::string_view name);
  [[nodiscard]] std::string unescaped(std::string_view name, std::string_view raw);
  [[nodiscard]] std::int64_t parsed(std::string_view name, std::string_view raw);

  std::string_view word_;
  std::vector<std::pair<std::string_view, std::string_view>> fields_;
  std::string wrong_;
};

}  // namespace quorate::sim
