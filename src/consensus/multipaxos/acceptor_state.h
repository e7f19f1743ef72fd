#pragma once
// What an acceptor keeps durable besides its slots: the blob of SetState. The promised ballot and the ballots of
// accepted slots are different things (P-02).
//
// Layout: version (1 byte, 1); promised and proposer as varints; a varint count of votes, and first, last and ballot of
// each as varints, rising. Written before any message that reveals it leaves.
//
// How far a replica knows the slots to be decided is noted beside it, as the cell kDecidedCell (a varint): knowledge
// that can be had again binds nobody, so no message waits for it.

#include <optional>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/ids.h"
#include "consensus/multipaxos/tag_runs.h"

namespace quorate::multipaxos {

struct AcceptorState {
  Tag promised;
  NodeId proposer;                  ///< to whom; none: to nobody yet, the ballot was only heard of
  std::vector<TagRuns::Run> votes;  ///< values accepted again in a later ballot than their own
  friend bool operator==(const AcceptorState&, const AcceptorState&) = default;
};

[[nodiscard]] Buffer encode(const AcceptorState& state);
/// Nothing if the bytes are not what encode writes. Empty bytes are a new replica's state.
[[nodiscard]] std::optional<AcceptorState> decode_acceptor_state(ByteView bytes);

inline constexpr std::string_view kDecidedCell = "decided";
[[nodiscard]] Buffer encode_decided(Position decided);
[[nodiscard]] std::optional<Position> decode_decided(ByteView bytes);

}  // namespace quorate::multipaxos
