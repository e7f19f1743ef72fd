#pragma once
// The messages of Multi-Paxos with a distinguished proposer ("Paxos Made Simple" section 3, "Paxos Made Live"), over
// the slots of a log; written down before the core, so that the contract is known to carry it. README.md has the
// effects.
//
// Invariants: 1. a slot is a Position, a ballot is the Tag of the entries accepted in it. 2. a ballot names its
//                proposer. 3. values travel as attached entries, one message for each run of slots without a hole.

#include <cstdint>
#include <variant>

#include "base/assert.h"
#include "base/ids.h"

namespace quorate::multipaxos {

/// A ballot as the Tag of entries: the proposer's number makes it unique (P-11). Numbers are given by the membership
/// and never reused (docs/decisions/contract-for-four-protocols.md).
struct Ballot {
  static constexpr unsigned kMemberBits = 16;

  std::uint64_t round = 0;   ///< below 2^46, so that tags stay below 2^62
  std::uint64_t member = 0;  ///< 1 to 2^16 - 1

  [[nodiscard]] Tag tag() const {
    QUORATE_ASSERT(member > 0 && member < (1ULL << kMemberBits) && round < (1ULL << 46), "a ballot fits a tag", round,
                   member);
    return Tag(round << kMemberBits | member);
  }
  [[nodiscard]] static Ballot of(Tag tag) {
    return {tag.value() >> kMemberBits, tag.value() & ((1ULL << kMemberBits) - 1)};
  }
  friend constexpr auto operator<=>(const Ballot&, const Ballot&) = default;
};

/// Phase 1a for every slot from `first` on.
struct Prepare {
  Tag ballot;
  Position first;
};
/// Phase 1b: nothing below `ballot` will be accepted any more. Says which slots from the Prepare's first on are
/// accepted; their values follow in as many PromisedRun as there are runs.
struct Promise {
  Tag ballot;
  Position decided;        ///< everything up to here is chosen
  Position last;           ///< the last accepted slot
  std::uint32_t runs = 0;  ///< PromisedRun messages that belong to this promise
};
/// One run of accepted slots, attached, with the ballots in which they were accepted.
struct PromisedRun {
  Tag ballot;
  std::uint32_t run = 0;  ///< 0 to runs - 1
  Position first;
  Position last;  ///< fewer may be attached: then the rest is asked for with another Prepare of this ballot
};
/// Phase 2a for the attached slots, all of tag `ballot`. Slots may lie behind a hole.
struct Accept {
  Tag ballot;
  Position decided;
};
/// Phase 2b.
struct Accepted {
  Tag ballot;
  Position first;
  Position last;
};
/// To 1a or 2a below the promised ballot.
struct Refused {
  Tag ballot;
  Tag promised;
};
/// What was accepted in `ballot` up to `decided` is chosen; who accepted it in another one must learn it.
struct Decide {
  Tag ballot;
  Position decided;
};
/// "Send me what was chosen from `first` on."
struct LearnRequest {
  Position first;
};
/// Attached: chosen entries, whatever their ballot.
struct Learned {
  Position decided;
};
/// The proposer lives; a round of reads as in Raft (thesis 6.4).
struct Heartbeat {
  Tag ballot;
  std::uint64_t round = 0;
  Position decided;
  Position everywhere;
};
struct HeartbeatAnswer {
  Tag ballot;
  std::uint64_t round = 0;
  Position decided;
};

using Message = std::variant<Prepare, Promise, PromisedRun, Accept, Accepted, Refused, Decide, LearnRequest, Learned,
                             Heartbeat, HeartbeatAnswer>;

/// What an acceptor keeps besides the slots: the blob of SetState. The promised ballot and the ballots of accepted
/// slots are different things (P-02).
struct AcceptorState {
  Tag promised;
};

}  // namespace quorate::multipaxos
