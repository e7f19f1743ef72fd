#pragma once
// Messages and the small durable state in words, for stories that a person reads. Pure functions.

#include <optional>
#include <string>
#include <string_view>

#include "base/bytes.h"

namespace quorate::raft {

/// One line without line end; "(no message)" for what is none.
[[nodiscard]] std::string message_words(ByteView message);

/// "term 2 vote n3", "term 0 vote none"
[[nodiscard]] std::string state_words(ByteView blob);
/// And back; "vote ..." may be missing.
[[nodiscard]] std::optional<Buffer> state_of_words(std::string_view words);

}  // namespace quorate::raft
