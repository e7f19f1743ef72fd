#pragma once
// What Raft keeps durable besides the log: term and vote (paper, figure 2).
//
// Layout: version (1 byte, 1), term and vote as varints. Written before any message that reveals it leaves.

#include <optional>

#include "base/bytes.h"
#include "base/ids.h"

namespace quorate::raft {

struct HardState {
  Tag term;
  NodeId vote;  ///< whom this node voted for in `term`; none: nobody
  friend bool operator==(const HardState&, const HardState&) = default;
};

[[nodiscard]] Buffer encode(const HardState& state);
/// Nothing if the bytes are not what encode writes. Empty bytes are a new replica's state.
[[nodiscard]] std::optional<HardState> decode_hard_state(ByteView bytes);

}  // namespace quorate::raft
