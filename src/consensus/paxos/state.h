#pragma once
// The parts of a replica's state. Cells are durable as far as written; attempts and surveys are lost in a crash, by
// design: a ballot is never used twice.
//
// Values inside PaxosCore; what changes them stands in the file named at each.

#include <cstdint>
#include <map>
#include <optional>
#include <vector>

#include "base/bytes.h"
#include "base/ids.h"
#include "consensus/paxos/cell.h"
#include "quorum/tally.h"

namespace quorate::paxos {

/// Cells in the order of their names.
struct ByName {
  using is_transparent = void;
  static ByteView view_of(const Buffer& name) { return name.view(); }
  static ByteView view_of(ByteView name) { return name; }
  template <class A, class B>
  bool operator()(const A& a, const B& b) const {
    return view_of(a) < view_of(b);
  }
};
template <class Value>
using ByCell = std::map<Buffer, Value, ByName>;

/// A cell as its acceptor has it (acceptor.cc).
struct Cell : AcceptorCell {
  Io written;  ///< the last write of it: what reveals it waits for that
};

/// What this replica, as proposer, tries with one cell (proposer.cc).
struct Attempt {
  enum class Phase : std::uint8_t {
    waiting,    ///< backed off; the timer begins the next round
    preparing,  ///< phase 1
    accepting,  ///< phase 2
  };
  Phase phase = Phase::waiting;
  Ballot ballot;
  std::optional<Buffer> wish;  ///< the own value, proposed where nothing was accepted; none: only to learn
  Ballot found;                ///< phase 1: the highest ballot of which an acceptance was told
  Buffer value;                ///< its value; in phase 2, what is proposed
  quorum::Tally answers;       ///< of the phase
  Ballot refused_for;          ///< the highest ballot of a refusal
  bool is_old = false;         ///< the timer found it waiting for answers before
  std::vector<Context> reads;  ///< that came before the round began: nothing found serves them
  std::vector<Context> late_reads;
};

/// An own vote that is not durable yet.
struct OwnVote {
  Io io;
  Buffer cell;
  Ballot ballot;
  Attempt::Phase phase = Attempt::Phase::preparing;
};

/// How an acceptor that lost its memory asks what it may have promised and accepted (survey.cc).
struct SurveyUnderWay {
  struct Told {
    Buffer after;  ///< all cells up to this one were told
    bool complete = false;
    bool conditional = false;
  };
  struct Found {
    Ballot accepted;
    Buffer value;
  };
  Ballot ballot;
  std::uint64_t refused_for = 0;  ///< the highest round that somebody had promised before
  std::map<NodeId, Told> told;
  ByCell<Found> found;  ///< accepted and not known to be decided
};

}  // namespace quorate::paxos
