#pragma once
// Ballots ("Paxos Made Simple", section 2.2: "different proposers choose their numbers from disjoint sets").
//
// Invariants: 1. a ballot names its proposer and that one's life, so no two proposers ever use the same, nor does one
//                that came back, though nothing is written before a ballot is used (P-11). 2. the round counts first: a
//                proposer whose node was started less often can still go above any other.
// A value.

#include <compare>
#include <cstdint>

#include "base/ids.h"

namespace quorate::paxos {

struct Ballot {
  static constexpr std::uint64_t kMaxRound = (1ULL << 30) - 1;  ///< so that tags stay below 2^62

  std::uint64_t round = 0;  ///< 0: no ballot
  NodeId proposer;
  Incarnation life;  ///< of the proposer

  [[nodiscard]] constexpr bool is_none() const { return round == 0; }
  /// For people and observers: the life is not in it, and of the proposer only the low half.
  [[nodiscard]] constexpr Tag tag() const { return Tag(round << 32 | (proposer.value() & 0xFFFF'FFFF)); }

  friend constexpr auto operator<=>(const Ballot&, const Ballot&) = default;
};

}  // namespace quorate::paxos
