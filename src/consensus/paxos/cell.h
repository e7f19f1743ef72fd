#pragma once
// What an acceptor keeps of one cell: the blob of SetCell; and of all cells: the blob of SetState.
//
// Layout of a cell: version (1 byte, 1), flags (1 byte: 1 decided), the promised ballot and the ballot of the accepted
// value as three varints each (zeros: none), the value. Of all: version (1 byte, 1), the ballot below which nothing is
// accepted in any cell. The ballots of promise and acceptance are different things (P-02).

#include <optional>

#include "base/bytes.h"
#include "consensus/paxos/ballot.h"

namespace quorate::paxos {

struct AcceptorCell {
  Ballot promised;
  Ballot accepted;       ///< the ballot of `value`; none: nothing was accepted
  Buffer value;          ///< shares the blob that it was written with
  bool decided = false;  ///< `value` is the chosen one, whatever was promised or accepted

  friend bool operator==(const AcceptorCell&, const AcceptorCell&) = default;
};

[[nodiscard]] Buffer encode(const AcceptorCell& cell);
/// Nothing if the bytes are not what encode writes.
[[nodiscard]] std::optional<AcceptorCell> decode_cell(const Buffer& blob);

[[nodiscard]] Buffer encode_floor(const Ballot& floor);
/// Empty bytes are a new replica's.
[[nodiscard]] std::optional<Ballot> decode_floor(ByteView blob);

}  // namespace quorate::paxos
