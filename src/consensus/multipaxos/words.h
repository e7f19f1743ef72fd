#pragma once
// Messages and the small durable state in words, for stories that a person reads. Pure functions.

#include <optional>
#include <string>
#include <string_view>

#include "base/bytes.h"

namespace quorate::multipaxos {

/// One line without line end; "(no message)" for what is none. A ballot is written as round and member: 3.n2.
[[nodiscard]] std::string message_words(ByteView message);

/// "promised 3.n2 to n2, 4..5 in 3.n2", "promised nothing"
[[nodiscard]] std::string state_words(ByteView blob);
/// And back: "promised 3.n2", or "term 3 vote n2" as of other protocols: a story begins with any.
[[nodiscard]] std::optional<Buffer> state_of_words(std::string_view words);

}  // namespace quorate::multipaxos
