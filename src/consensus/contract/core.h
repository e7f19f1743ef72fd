#pragma once
// The door of a protocol core: a value that turns inputs into effects.
//
// Invariants: 1. no I/O, clock, thread, lock, log, callback or randomness inside: equal inputs give equal effects.
//             2. effects are taken after every step and carried out in order, by the executor's rules.
//             3. payload bytes are never read; a core keeps a payload only until its Persist was taken.
// Built from (CoreConfig, PersistedState) by a CoreFactory. Protocols are known by name in one place, src/protocols;
// what others need of one is in protocol.h. Lives on the loop of its group's runtime.

#include <algorithm>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/hash.h"
#include "base/time.h"
#include "consensus/contract/effect.h"
#include "consensus/contract/input.h"
#include "quorum/phase_sizes.h"

namespace quorate::consensus {

/// What every protocol is configured with. Times as etcd's flags: heartbeat 100 ms, election 1000 ms.
struct CoreConfig {
  NodeId self;
  /// This life of the node: a core may put it into messages to recognise answers to an earlier life (L-03).
  Incarnation incarnation;
  Membership initial_membership;  ///< used only if nothing was persisted
  Duration heartbeat_interval = std::chrono::milliseconds(100);
  /// A follower campaigns after a silence drawn from [election_timeout, 2 x election_timeout].
  Duration election_timeout = std::chrono::milliseconds(1000);
  bool pre_vote = true;
  bool check_quorum = true;
  /// In protocols that take them (CoreFactory); they fit whoever votes.
  quorum::PhaseSizes quorum_sizes;
  std::size_t window_messages = 64;   ///< appends in flight per follower
  std::size_t window_entries = 8192;  ///< entries in flight per follower
  std::size_t max_entries_per_message = 1024;
  /// So long the word of a commit may wait for a message to ride on, if no client of that follower waits. 0: not at
  /// all; Duration::max(): for ever, it only ever rides.
  Duration commit_notice_delay{};
};

/// What a damaged disk has taken of a replica's past, beyond what a crash may. It lasts over lives until the core's
/// status says that it is made good.
struct Loss {
  enum class Kind : std::uint8_t {
    none,
    tail,      ///< the log once ended at `end`, which is known, and now ends before; the state is whole
    promises,  ///< what the replica has promised and acknowledged is not known; the log once held `end`, or more
  };
  Kind kind = Kind::none;
  EntryId end;

  friend bool operator==(const Loss&, const Loss&) = default;
};

/// Heartbeats in one election time-out: at least 1.
[[nodiscard]] constexpr std::uint64_t heartbeats_per_election_timeout(const CoreConfig& config) {
  const Duration::rep heartbeat = std::max<Duration::rep>(config.heartbeat_interval.count(), 1);
  const Duration::rep ticks = (config.election_timeout.count() + heartbeat - 1) / heartbeat;
  return static_cast<std::uint64_t>(std::max<Duration::rep>(ticks, 1));
}

/// What storage recovered of a replica: enough to go on as if nothing had happened. No payloads.
struct PersistedState {
  Buffer state;           ///< last SetState, empty if none
  EntryId discarded;      ///< the log starts behind this entry
  Membership membership;  ///< in force at `discarded`; empty: CoreConfig::initial_membership
  struct Slot {
    EntryId id;
    EntryKind kind = EntryKind::command;
    Buffer payload;  ///< only for kind configuration
  };
  std::vector<Slot> log;  ///< rising positions behind `discarded`; holes only for protocols that make them
  Position applied;       ///< what the state machine already contains; committed for certain
  std::vector<std::pair<Buffer, Buffer>> cells;
  /// The log's end was complete but damaged: the replica must not vote or claim its log before others confirmed it.
  bool uncertain_tail = false;
  /// The log is damaged below what was durable: the replica must not be taken for one that has what it once had.
  Loss loss;
};

/// For people and metrics.
struct CoreStatus {
  Role role = Role::follower;
  Tag tag;        ///< current term, epoch or ballot
  NodeId leader;  ///< none if unknown
  Position last;  ///< last position in the log
  Position commit;
  Membership membership;
  /// A change of the membership stands in the log and is not committed.
  bool is_changing_members = false;
  /// Lowest position that every member is known to have durably; what is at or below it no member will ask for.
  Position everywhere;
  /// True while PersistedState::uncertain_tail is not settled: it is not known whether something committed is missing.
  bool uncertain_tail = false;
  /// PersistedState::loss, until others have made it good.
  Loss loss;
};

/// What a leader knows of another member.
struct MemberProgress {
  NodeId node;
  Position match;  ///< everything up to here is durable there
};

class Core {
 public:
  virtual ~Core() = default;
  /// Handles one input. `now` serves leases only. A stale or malformed message is ignored and traced.
  virtual void step(Instant now, const Input& input) = 0;
  /// Appends the effects since the last call, in order, to `out`.
  virtual void take_effects(std::vector<Effect>& out) = 0;
  [[nodiscard]] virtual CoreStatus status() const = 0;
  /// On the leader: every other member, rising nodes. Elsewhere, and in protocols that do not count it, empty.
  [[nodiscard]] virtual std::vector<MemberProgress> progress() const { return {}; }
  /// For the explorer: an equal core, and a hash in normal form (no times, no pointers, ios relative).
  [[nodiscard]] virtual std::unique_ptr<Core> clone() const = 0;
  virtual void hash_into(Hasher& hasher) const = 0;
};

/// What a message swears for its sender, whatever else it says.
struct Vow {
  enum class Kind : std::uint8_t {
    promised,  ///< the sender takes nothing from proposers below `tag` any more
    accepted,  ///< the sender has durably taken what the proposer of `tag` asked for
    proposed,  ///< of protocols without a log: the sender asks others to take `value` in `tag`
  };
  Kind kind = Kind::promised;
  Tag tag;
  ByteView cell{};     ///< that it is about, inside the message; empty: about everything
  ByteView value{};    ///< of proposed
  Incarnation life{};  ///< tells tags apart that two lives of a node may use, and orders them; none: no life may
};

/// What a message says of votes, in protocols that elect their leaders by comparing logs.
struct Vote {
  enum class Kind : std::uint8_t {
    asked,        ///< the sender stands for `tag` with a log that ends at `last`, and votes for itself
    given,        ///< the sender votes in `tag` for whom it is sent to
    conditional,  ///< the same, if all others do: the sender does not know how its own log ends
  };
  Kind kind = Kind::asked;
  Tag tag;
  EntryId last;  ///< of asked
};

/// Makes the cores of one protocol. start() emits the first effects (timers, catching up) like any step.
struct CoreFactory {
  std::string_view protocol;  ///< lower-case letters, digits and underscores: written into the data directory
  std::function<std::unique_ptr<Core>(const CoreConfig& config, PersistedState state)> make;
  /// False: there is no log. What is decided are cells, each by itself (Chosen), and no replica leads.
  bool keeps_log = true;
  /// It decides in two phases, whose quorums may have other sizes than a majority (CoreConfig::quorum_sizes).
  bool takes_quorum_sizes = false;
  /// Between equals the node id decides (in ballots): nodes cannot be renamed without a difference.
  bool node_ids_decide = false;
  /// An entry's id stands for the whole log before it, and a leader commits by counting only what it placed itself: its
  /// own log is the one that all others come to have. For observers that check it.
  bool ids_identify_prefix = false;
  /// What a leader commits is durable on a quorum. What acknowledges without says false, and is no consensus.
  bool commits_by_quorum = true;
  /// The small durable state (SetState) of a replica that was brought to `snapshot` and took part in nothing since:
  /// what a member of a restored cluster begins with.
  Buffer (*state_behind)(EntryId snapshot) = nullptr;
  /// For observers that check whether promises are kept; nothing: the message swears nothing.
  std::optional<Vow> (*vow_of)(ByteView message) = nullptr;
  /// For observers that check who is voted for; nothing: the message is about something else.
  std::optional<Vote> (*vote_of)(ByteView message) = nullptr;
};

}  // namespace quorate::consensus
