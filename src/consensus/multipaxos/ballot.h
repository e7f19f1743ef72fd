#pragma once
// Ballots: a round and the member that proposes in it, as one Tag, so that no two members ever have the same (P-11).
//
// A member's number follows from its node id alone, so it is the same in every membership and never given anew
// (docs/decisions/multipaxos.md). Values.

#include <compare>
#include <cstdint>

#include "base/assert.h"
#include "base/ids.h"

namespace quorate::multipaxos {

struct Ballot {
  static constexpr unsigned kMemberBits = 32;
  static constexpr std::uint64_t kMaxRound = (1ULL << 30) - 1;  ///< so that tags stay below 2^62

  std::uint64_t round = 0;
  std::uint32_t member = 0;

  [[nodiscard]] constexpr Tag tag() const {
    QUORATE_ASSERT(round <= kMaxRound, "a ballot fits a tag", round, member);
    return Tag(round << kMemberBits | member);
  }
  [[nodiscard]] static constexpr Ballot of(Tag tag) {
    return {tag.value() >> kMemberBits, static_cast<std::uint32_t>(tag.value())};
  }
  friend constexpr auto operator<=>(const Ballot&, const Ballot&) = default;
};

/// The node id, its halves folded: small ids stay what they are. Two members of a group never have the same number: who
/// would is not let in.
[[nodiscard]] constexpr std::uint32_t number_of(NodeId node) {
  return static_cast<std::uint32_t>(node.value() ^ (node.value() >> 32));
}

/// The lowest ballot of `node` above `seen`'s round.
[[nodiscard]] constexpr Tag next_ballot(Tag seen, NodeId node) {
  return Ballot{Ballot::of(seen).round + 1, number_of(node)}.tag();
}

}  // namespace quorate::multipaxos
