#pragma once
// The messages of Basic Paxos, one struct each ("Paxos Made Simple", section 2.2), and their bytes.
//
// Layout: version (1 byte, 1), type (1 byte, index in the variant + 1), then the fields in order: numbers as varints, a
// ballot as three of them (round, proposer, life), bytes as a varint length and the bytes, flags as one byte.
// Invariants: 1. what encode wrote, decode reads back. 2. decode takes only what encode can write, of cells and values
//                within their bounds. 3. views of a decoded message point into its bytes.
// README.md has what a receiver does. Pure functions.

#include <cstddef>
#include <optional>
#include <variant>
#include <vector>

#include "base/bytes.h"
#include "consensus/paxos/ballot.h"

namespace quorate::paxos {

inline constexpr std::size_t kMaxCellBytes = 4096;            ///< of a cell's name; at least 1
inline constexpr std::size_t kMaxValueBytes = 1536U * 1024U;  ///< of a value; may be empty

/// Phase 1a.
struct Prepare {
  ByteView cell;
  Ballot ballot;
};
/// Phase 1b: nothing below `ballot` will be accepted any more.
struct Promise {
  ByteView cell;
  Ballot ballot;
  Ballot accepted;  ///< the highest ballot in which the sender accepted a value; none: it accepted nothing
  ByteView value;   ///< that value
};
/// Phase 2a.
struct Accept {
  ByteView cell;
  Ballot ballot;
  ByteView value;
};
/// Phase 2b, durable.
struct Accepted {
  ByteView cell;
  Ballot ballot;
};
/// To 1a or 2a below what was promised. Without a cell: to a Survey.
struct Refused {
  ByteView cell;
  Ballot ballot;    ///< that was refused
  Ballot promised;  ///< the next one must be above it
};
/// `value` is chosen.
struct Decided {
  ByteView cell;
  ByteView value;
};

/// Phase 1a for all cells at once, of an acceptor that lost its memory (P-06).
struct Survey {
  Ballot ballot;
  ByteView after;  ///< tell of cells behind this name
};
/// What the sender has accepted in one cell.
struct ToldCell {
  ByteView cell;
  Ballot accepted;
  ByteView value;
  bool decided = false;
};
/// Phase 1b for all cells: nothing below `ballot` will be accepted in any. What was accepted, in order of names.
struct SurveyAnswer {
  Ballot ballot;
  ByteView after;            ///< of the Survey
  bool conditional = false;  ///< the sender is not sure of its own memory: counts only if all answer
  bool last = false;         ///< nothing was accepted in any further cell
  std::vector<ToldCell> cells;
};

using Message = std::variant<Prepare, Promise, Accept, Accepted, Refused, Decided, Survey, SurveyAnswer>;

[[nodiscard]] Buffer encode(const Message& message);

/// Nothing if the bytes are no message.
[[nodiscard]] std::optional<Message> decode(ByteView bytes);

}  // namespace quorate::paxos
