#pragma once
// The parts of a replica's volatile state that exist only in one role. All of it is lost in a crash, by design.
//
// Values inside MultiPaxosCore; what changes them stands in the file named at each.

#include <cstdint>
#include <map>
#include <optional>
#include <vector>

#include "base/bytes.h"
#include "base/fifo.h"
#include "base/ids.h"
#include "consensus/contract/entry.h"
#include "consensus/contract/input.h"
#include "consensus/contract/reads.h"
#include "consensus/multipaxos/follower.h"
#include "quorum/tally.h"

namespace quorate::multipaxos {

/// What one acceptor has told in phase 1 (proposer.cc).
struct Promiser {
  explicit Promiser(NodeId whom) : node(whom) {}

  NodeId node;
  bool has_told = false;     ///< what follows but `reported`
  bool conditional = false;  ///< its log's end is uncertain
  Position decided;
  Position last;
  TagRuns reported;  ///< slots of which it is known what was accepted there, or that nothing was
};

/// A value that was found in phase 1, with the highest ballot in which it was accepted.
struct Found {
  Tag accepted;
  consensus::Entry entry;
};

/// A question to the voters, or phase 1 (election.cc, proposer.cc).
struct Campaign {
  Tag ballot;
  quorum::Tally answers;  ///< to the inquiry; in phase 1 only refusals
  quorum::Tally firm_answers;
  bool by_transfer = false;
  // phase 1
  Position first;                   ///< from this slot on
  Io own_promise;                   ///< the own promise counts once this write is durable; none: it is
  std::vector<Promiser> promisers;  ///< in order of nodes, without self
  std::map<Position, Found> found;
};

/// An own write of the leader that is not durable yet (leader.cc).
struct OwnWrite {
  Io io;
  Position first;
  Position last;
};

/// A hand-over that is under way (transfer.cc).
struct Transfer {
  NodeId to;
  std::uint64_t ticks_left = 0;  ///< heartbeats until it is given up
  bool told = false;             ///< CampaignNow was sent
};

/// What only a leader has (leader.cc, reads.cc).
struct Leadership {
  Position first;     ///< all slots from here on are proposed in the own ballot
  Position last;      ///< the last one that is
  Position own_from;  ///< the first one that was not found in phase 1; none: it found a change of the membership
  /// A change of the membership that is proposed and not committed: nothing is proposed behind it.
  std::optional<Position> change;
  std::vector<consensus::Proposal> waiting;  ///< for the change, or for the window
  std::vector<Follower> followers;           ///< sorted by node, without self
  TagRuns own_accepted;                      ///< durable in the own ballot
  Fifo<OwnWrite> own_writes;
  Io oldest_write;                      ///< the first of own_writes at the last regular heartbeat
  std::uint64_t hanging_ticks = 0;      ///< regular heartbeats in a row that found the same one
  std::uint64_t round = 0;              ///< the last heartbeat round sent
  std::uint64_t confirmed_round = 0;    ///< the last one that enough voters have answered
  std::uint64_t confirmed_at_tick = 0;  ///< confirmed_round at the last regular heartbeat
  std::uint64_t silent_ticks = 0;       ///< regular heartbeats in a row before which nothing was confirmed
  consensus::ReadQueue reads;
  std::optional<Transfer> transfer;
  Position notice_for;  ///< the word of this decision waits at some follower for a message to ride on; none: no timer

  /// The last Accept encoded: followers get the same bytes.
  struct {
    Tag tag;
    Position decided;
    Buffer bytes;
  } last_accept;
};

/// What this replica has asked another for (learner.cc).
struct Learning {
  NodeId from;
  Position target;          ///< so far it wants to come
  Position asked;           ///< the end of the last question
  Position chosen_at_tick;  ///< to notice that no answer comes
};

/// A change of the membership that was accepted and is not committed.
struct PendingChange {
  Tag tag;
  consensus::Configuration configuration;
};

/// A write of how far the slots are decided, not durable yet.
struct OwnNote {
  Io io;
  Position decided;
};

}  // namespace quorate::multipaxos
