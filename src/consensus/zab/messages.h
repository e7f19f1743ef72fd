#pragma once
// The messages of ZAB (Junqueira, Reed, Serafini: "Zab: High-performance broadcast for primary-backup systems", with
// the fast leader election that ZooKeeper uses); written down before the core, so that the contract is known to carry
// it. README.md has the effects.
//
// Invariants: 1. an epoch is the Tag of its transactions; a zxid is (epoch, position minus the epoch's start).
//             2. channels of the paper are FIFO and ours are not: every message between leader and follower carries the
//                session and a number in it; a gap ends the session, and the follower comes again (Z-06, Z-07).

#include <cstdint>
#include <variant>

#include "base/ids.h"

namespace quorate::zab {

/// What a node votes for, in the order of preference (Z-08): epoch, then last entry, then node.
struct Vote {
  Tag current_epoch;
  EntryId last;
  NodeId leader;
  friend constexpr auto operator<=>(const Vote&, const Vote&) = default;
};

enum class PeerState : std::uint8_t { looking, following, leading };

/// Phase 0, to everybody: my vote in this round of looking. A node that follows or leads answers with what it has.
struct Notification {
  std::uint64_t round = 0;
  Vote vote;
  PeerState state = PeerState::looking;
};

/// One session of a follower with its leader.
struct Session {
  Incarnation leader_life;
  std::uint64_t session = 0;  ///< chosen by the leader, rises
  std::uint64_t number = 0;   ///< rises by one in each direction
};

// ---- phase 1, discovery
struct FollowerInfo {
  Tag accepted_epoch;
  Incarnation life;
};
struct LeaderInfo {
  Session session;
  Tag new_epoch;  ///< above every accepted epoch of a majority
};
struct AckEpoch {
  Session session;
  Tag current_epoch;
  EntryId last;
};

// ---- phase 2, synchronisation
/// Everything behind `keep` goes; then the attached transactions follow in Sync messages up to `until`.
struct SyncBegin {
  Session session;
  EntryId keep;  ///< the last common transaction
  Position until;
  bool by_snapshot = false;  ///< `keep` is out of the leader's log: a snapshot comes first
};
/// Attached: the next transactions.
struct Sync {
  Session session;
};
struct NewLeader {
  Session session;
  Tag epoch;
  Position last;  ///< what the follower must have, durable, to acknowledge (Z-02)
};
struct AckNewLeader {
  Session session;
  Tag epoch;
};
struct UpToDate {
  Session session;
  Position commit;
};

// ---- phase 3, broadcast
/// Attached: one or more transactions of the epoch.
struct Proposal {
  Session session;
  Position commit;  ///< carried along
};
struct Ack {
  Session session;
  Position last;  ///< durable up to here
};
struct CommitUpTo {
  Session session;
  Position commit;
};
struct Ping {
  Session session;
  Position commit;
  Position everywhere;
};
struct PingAnswer {
  Session session;
};

using Message = std::variant<Notification, FollowerInfo, LeaderInfo, AckEpoch, SyncBegin, Sync, NewLeader, AckNewLeader,
                             UpToDate, Proposal, Ack, CommitUpTo, Ping, PingAnswer>;

/// The blob of SetState: both epochs in one write, so that no crash comes between them (Z-05). current <= accepted
/// (I-38).
struct Epochs {
  Tag accepted;
  Tag current;
};

}  // namespace quorate::zab
