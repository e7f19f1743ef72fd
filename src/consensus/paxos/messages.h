#pragma once
// The messages of single-decree Paxos ("Paxos Made Simple"), one instance per cell; written down before the core, so
// that the contract is known to carry it. README.md beside this file has the table of effects.
//
// Invariants: 1. a ballot names its proposer, so two proposers never use the same one (P-11).
//             2. an acceptor's answer leaves only after its cell is durable (P-01, I-42).

#include <cstdint>
#include <optional>
#include <variant>

#include "base/bytes.h"
#include "base/ids.h"

namespace quorate::paxos {

/// Ordered by round, then proposer. The round contains the proposer's life, so that a restarted proposer never repeats
/// one without writing anything before it asks.
struct Ballot {
  Incarnation life;
  std::uint64_t round = 0;
  NodeId proposer;
  friend constexpr auto operator<=>(const Ballot&, const Ballot&) = default;
};

struct Accepted {
  Ballot ballot;
  Buffer value;
};

/// Phase 1a.
struct Prepare {
  Buffer cell;
  Ballot ballot;
};
/// Phase 1b: nothing below `ballot` will be accepted any more.
struct Promise {
  Buffer cell;
  Ballot ballot;
  std::optional<Accepted> accepted;  ///< the highest accepted so far
};
/// Phase 2a.
struct Accept {
  Buffer cell;
  Ballot ballot;
  Buffer value;
};
/// Phase 2b.
struct AcceptedAnswer {
  Buffer cell;
  Ballot ballot;
};
/// To 1a or 2a with a ballot below the promised one: lets the proposer go on with a higher one at once.
struct Refused {
  Buffer cell;
  Ballot ballot;
  Ballot promised;
};
/// A majority has accepted `value`.
struct Decided {
  Buffer cell;
  Buffer value;
};

using Message = std::variant<Prepare, Promise, Accept, AcceptedAnswer, Refused, Decided>;

/// What an acceptor keeps of a cell: the blob of SetCell.
struct AcceptorCell {
  Ballot promised;
  std::optional<Accepted> accepted;
  bool decided = false;  ///< `accepted` holds the chosen value
};

}  // namespace quorate::paxos
