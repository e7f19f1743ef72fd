#pragma once
// Messages in words, for stories that a person reads. Pure functions.

#include <string>

#include "base/bytes.h"

namespace quorate::raft {

/// One line without line end; "(no message)" for what is none.
[[nodiscard]] std::string message_words(ByteView message);

}  // namespace quorate::raft
