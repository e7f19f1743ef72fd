#pragma once
// Raft's small durable state in words. Pure.

#include <string>

#include "base/bytes.h"

namespace quorate::stories {

/// "term 2 vote n3"
[[nodiscard]] std::string state_words(ByteView blob);

}  // namespace quorate::stories
