#pragma once
// Messages and durable state in words, for logs and stories. Pure functions; one line without line end each.

#include <optional>
#include <string>
#include <string_view>

#include "base/bytes.h"

namespace quorate::paxos {

/// "(no message)" for what is none. A ballot is written as round and proposer: 3.n2; of a later life than the first as
/// 3.n2/2.
[[nodiscard]] std::string message_words(ByteView message);

/// "promised nothing in all cells", "promised 65536.n3 in all cells"
[[nodiscard]] std::string state_words(ByteView blob);
/// And back.
[[nodiscard]] std::optional<Buffer> state_of_words(std::string_view words);
/// "k: promised 1.n1, accepted x in 1.n1", "k: decided x"
[[nodiscard]] std::string cell_words(ByteView cell, ByteView blob);

}  // namespace quorate::paxos
