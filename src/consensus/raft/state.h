#pragma once
// The parts of a replica's volatile state that exist only in one role. All of it is lost in a crash, by design.
//
// Values inside RaftCore; what changes them stands in the file named at each.

#include <cstdint>
#include <optional>
#include <vector>

#include "base/bytes.h"
#include "base/fifo.h"
#include "base/ids.h"
#include "consensus/contract/reads.h"
#include "consensus/raft/progress.h"
#include "quorum/tally.h"

namespace quorate::raft {

/// A pre-candidate's or candidate's question to the voters (election.cc).
struct Campaign {
  quorum::Tally votes;       ///< every answer
  quorum::Tally firm_votes;  ///< without grants that count only if all voters grant
  Io own_vote;               ///< the own vote counts once this write is durable
  bool by_transfer = false;
};

/// An own write of the leader that is not durable yet (replication.cc).
struct OwnWrite {
  Io io;
  Position last;
};

/// A hand-over that is under way (transfer.cc).
struct Transfer {
  NodeId to;
  std::uint64_t ticks_left = 0;  ///< heartbeats until it is given up
  bool told = false;             ///< TimeoutNow was sent
};

/// What only a leader has (replication.cc, reads.cc).
struct Leadership {
  std::vector<Progress> followers;  ///< sorted by node, without self
  Position own_match;               ///< the own log is durable up to here: the leader counts itself only so far
  Fifo<OwnWrite> own_writes;
  Io oldest_write;                      ///< the first of own_writes at the last regular heartbeat
  std::uint64_t hanging_ticks = 0;      ///< regular heartbeats in a row that found the same one
  std::uint64_t round = 0;              ///< the last heartbeat round sent
  std::uint64_t confirmed_round = 0;    ///< the last one that a majority has answered
  std::uint64_t confirmed_at_tick = 0;  ///< confirmed_round at the last regular heartbeat
  std::uint64_t silent_ticks = 0;       ///< regular heartbeats in a row before which no majority answered anything
  consensus::ReadQueue reads;
  std::optional<Transfer> transfer;
  Position settled_membership;  ///< what follows from the commit of the membership there was done
  Position notice_for;  ///< the word of this commit waits at some follower for a message to ride on; none: no timer

  /// The last Append encoded: followers that are equally far get the same bytes.
  struct {
    EntryId previous;
    Position commit;
    Buffer bytes;
  } last_append;
};

}  // namespace quorate::raft
