#pragma once
// A history written down as lines of text: how what clients of real processes saw comes to the checkers.
//
// The format is docs/formats/history.md. A file that is cut short, or that has a record, field or number which the
// format does not know, is refused with the line's number: a history that is half understood proves nothing.

#include <cstdint>
#include <string_view>

#include "base/result.h"
#include "sim/history.h"

namespace quorate::sim {

struct RecordedHistory {
  History history;
  std::int64_t lease_ttl_seconds = 0;  ///< that every lease was granted with
};

/// `invalid` with the line and what is wrong with it.
[[nodiscard]] Result<RecordedHistory> parse_history(std::string_view text);

}  // namespace quorate::sim
