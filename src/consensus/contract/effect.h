#pragma once
// What a core asks of the world, in order. The executor binds the order to the world: see executor.h.

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "base/bytes.h"
#include "base/ids.h"
#include "base/time.h"
#include "base/trace.h"
#include "consensus/contract/entry.h"
#include "consensus/contract/input.h"

namespace quorate::consensus {

// ---- durable operations -------------------------------------------------------------------------------

/// Replaces the core's small durable state (term and vote, promised ballot, ...).
struct SetState {
  Buffer blob;
};
/// Writes one position, replacing only that position. Holes are allowed.
struct Put {
  Entry entry;
};
/// Removes this position and everything above it.
struct TruncateFrom {
  Position position;
};
/// Everything up to and including `id` is no longer needed in the log: a snapshot or the engine has it.
struct DiscardBelow {
  EntryId id;
  Membership membership;  ///< in force at `id`
};
/// Empties the log and starts it behind a snapshot, in a new generation of the group's records. Everything up to the
/// snapshot is decided: the state machine goes over to that generation, and the frame is what makes it so for good.
struct ResetTo {
  EntryId snapshot;
  Membership membership;
  Generation generation;
  /// Entries behind the snapshot stay: where each position was accepted for itself, the snapshot says nothing of them.
  bool keeps_later = false;
};
/// Replaces the durable blob of one cell: for protocols whose instances are not positions of a log.
struct SetCell {
  Buffer key;
  Buffer blob;
};

using PersistOp = std::variant<SetState, Put, TruncateFrom, DiscardBelow, ResetTo, SetCell>;

/// One atomic durable write. `io` rises by one with each Persist of a replica's life. What a crash leaves of a
/// group's Persists is a prefix that contains every one confirmed by Persisted.
struct Persist {
  Io io;
  std::vector<PersistOp> ops;
};

// ---- messages -----------------------------------------------------------------------------------------

/// Entries that the runtime adds to a message. If position `last` no longer has the tag `last_tag` when the
/// message leaves, the send is dropped and the core is told by SendDropped.
struct Attach {
  Position first;
  Position last;
  Tag last_tag;
};

/// Sends `message` once the write `after` is durable (none: at once).
struct Send {
  NodeId to;
  Buffer message;
  std::optional<Attach> attach;
  Io after;
};

// ---- outcomes -----------------------------------------------------------------------------------------

/// Every position up to `up_to` is decided. Never decreases; a prefix without gaps.
struct Commit {
  Position up_to;
};
/// The value of one cell is decided (cores without a log). May be said again, for a proposal that came too late and in
/// a later life; never of another value.
struct Chosen {
  Buffer key;
  Buffer payload;
};
/// The proposal has a place; it succeeded only if that position commits with that tag.
struct Placed {
  Context context;
  EntryId id;
};
/// Why a core does not change the membership now.
enum class ReconfigureRefusal : std::uint8_t {
  none,
  not_leader,              ///< or it is handing over
  invalid_target,          ///< nobody votes, a node stands in both lists, lists out of order
  no_own_entry_committed,  ///< the leader is new (M-01)
  change_under_way,        ///< the one before is not committed, or the group is in the joint state (M-03)
  learner_behind,          ///< of those who shall vote one has not caught up (M-12)
  voters_in_repair,        ///< those who shall vote would be no majority without some who have lost what they promised
  fixed,                   ///< the protocol's members never change
  quorums_do_not_fit,      ///< CoreConfig::quorum_sizes are not for so many voters
};
/// The proposal or read ended here. `never`: it had no effect and may be given elsewhere; `unknown`: it may
/// still take effect.
struct Dropped {
  enum class Outcome : std::uint8_t { never, unknown };
  Context context;
  Outcome outcome = Outcome::never;
  ReconfigureRefusal refusal = ReconfigureRefusal::none;  ///< of a Reconfigure
};
/// The read may be answered from any state that includes `position`.
struct ServeRead {
  Context context;
  Position position;
};

// ---- snapshots, membership, timers, roles ---------------------------------------------------------------

/// Brings `to` a snapshot of everything up to `at_least` or further. SnapshotSent follows, once.
struct SendSnapshot {
  NodeId to;
  Position at_least;
};
/// Fetches the snapshot `id` that `from` offers. SnapshotReceived follows, or nothing if it does not arrive whole.
struct InstallSnapshot {
  NodeId from;
  EntryId id;
};
/// `membership` is in force from entry `id` on; `committed` tells whether it can still be taken back.
struct ConfigurationChanged {
  Membership membership;
  EntryId id;
  bool committed = false;
  std::vector<Contact> contacts;  ///< what the entry brings, when it is taken into the log; else empty
};
/// Arms (or re-arms) the timer of this kind; the runtime draws the delay uniformly from [min, max].
struct SetTimer {
  TimerKind kind = TimerKind::election;
  Duration min{};
  Duration max{};
};
struct CancelTimer {
  TimerKind kind = TimerKind::election;
};

enum class Role : std::uint8_t { follower, pre_candidate, candidate, leader, learner };
[[nodiscard]] std::string_view name_of(Role role);

/// `why` is a literal for a person: what made the role change.
struct RoleChanged {
  Role from = Role::follower;
  Role to = Role::follower;
  Tag tag;
  NodeId leader;  ///< none if unknown
  std::string_view why;
};

struct Trace {
  TraceEvent event;
};

using Effect = std::variant<Persist, Send, Commit, Chosen, Placed, Dropped, ServeRead, SendSnapshot, InstallSnapshot,
                            ConfigurationChanged, SetTimer, CancelTimer, RoleChanged, Trace>;

}  // namespace quorate::consensus
