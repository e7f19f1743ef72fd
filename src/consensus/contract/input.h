#pragma once
// What a core is told. One step() per kind of input and turn of the loop: proposals and reads of a turn come
// as one batch.

#include <cstdint>
#include <span>
#include <variant>
#include <vector>

#include "base/bytes.h"
#include "base/ids.h"
#include "consensus/contract/entry.h"

namespace quorate::consensus {

/// The timers that a core may arm; each kind is armed at most once at a time.
enum class TimerKind : std::uint8_t {
  election,   ///< no word from a leader or majority
  heartbeat,  ///< a leader's regular word
  retry,      ///< a proposer's or candidate's back-off, a probe's repeat
  notice,     ///< a leader's word of a commit, which waits for a message to ride on
};

/// A timer that the core armed with SetTimer has run out; it is disarmed.
struct TimerFired {
  TimerKind kind = TimerKind::election;
};

/// A message of the same group's core on another node. May be late, repeated or from an earlier life.
/// `entries` are the attached entries: dense, rising positions. They may be fewer than the sender attached (the first
/// ones), and in protocols whose tags do not identify a prefix any but the last may be newer than the message.
struct Receive {
  NodeId from;
  ByteView message;
  std::span<const Entry> entries;
};

/// A client's wish to place one entry.
struct Proposal {
  Context context;
  Buffer payload;
  Buffer cell;    ///< cores without a log: which cell; else empty
  NodeId origin;  ///< another node, whose client waits for the outcome there; none: nobody elsewhere waits
};

/// Answered per context by Placed or Dropped. Cores without a log answer by Chosen of the cell: it succeeded if the
/// payload is its own, else it had no effect.
struct Propose {
  std::vector<Proposal> batch;
};

/// Asks for another membership. Answered by Placed or Dropped.
struct Reconfigure {
  Context context;
  Membership target;
  std::vector<Contact> contacts;  ///< of all its members, rising; may be none
};

struct TransferLeadership {
  NodeId to;  ///< none: whoever is reachable and has most of the log
};

/// All linearizable reads that wait in this turn share one context. Answered by ServeRead or Dropped.
struct Read {
  Context context;
  Buffer cell;  ///< cores without a log: which cell; else empty
};

/// The write `io` and every earlier one are durable.
struct Persisted {
  Io io;
};

/// The state machine has executed everything up to `position`.
struct Applied {
  Position position;
};

/// The runtime has a snapshot of everything up to `id`; the log may be cut behind it.
struct SnapshotTaken {
  EntryId id;
  Membership membership;
};

/// Another replica offers a snapshot of what it has executed, up to `id`. Answered by InstallSnapshot if it is wanted.
struct SnapshotOffered {
  NodeId from;
  EntryId id;
};

/// The snapshot that InstallSnapshot asked for is whole, checked and durable as `generation` of the group's records.
/// The core goes over to it with Persist{ResetTo}, or does nothing because its log has come so far meanwhile.
struct SnapshotReceived {
  EntryId id;
  Membership membership;  ///< in force at `id`
  Generation generation;
};

/// The end of a SendSnapshot; each has one. `delivered`: the receiver has everything up to `position` durably.
struct SnapshotSent {
  NodeId to;
  bool delivered = false;
  Position position;
};

/// A Send with attached entries was not sent: they were replaced, discarded, or the link's queue was full.
struct SendDropped {
  NodeId to;
  Position first;
  Position last;
};

/// The link to a node works. A new incarnation means that the node forgot everything volatile, and if its disk was
/// damaged more than that. No message of an earlier life of that node is received behind this.
struct PeerUp {
  NodeId node;
  Incarnation incarnation;
};

/// The link to a node is gone (reset, refused or silent): a hint, never a proof.
struct PeerDown {
  NodeId node;
  Incarnation incarnation;
};

using Input =
    std::variant<TimerFired, Receive, Propose, Reconfigure, TransferLeadership, Read, Persisted, Applied, SnapshotTaken,
                 SnapshotOffered, SnapshotReceived, SnapshotSent, SendDropped, PeerUp, PeerDown>;

}  // namespace quorate::consensus
