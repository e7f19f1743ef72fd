#pragma once
// What every replica's log holds, as its core wrote it, and how much of that is durable: what invariants across nodes
// are checked against.
//
// It also remembers every value that anybody ever wrote, by position and tag.
//
// Invariants: 1. a slot is durable if the last write that touched it is. 2. a dead replica keeps what it had; its next
// life begins with what recovery found. 3. everything at or below `base` is in the replica's records for good.
// Owned by a run.

#include <deque>
#include <map>
#include <set>
#include <tuple>

#include "sim/watched_core.h"

namespace quorate::sim {

class Ledger {
 public:
  void start(const ReplicaName& replica, const consensus::PersistedState& state);
  void write(const ReplicaName& replica, const consensus::Persist& persist);
  void confirm(const ReplicaName& replica, Io io) { logs_[replica].durable = io; }

  /// The tag that the replica's log has at `position`; none if it is not there, or at or below the log's beginning.
  [[nodiscard]] Tag tag_at(const ReplicaName& replica, Position position) const;
  /// The last entry that the replica's log has, durable or not.
  [[nodiscard]] EntryId last_of(const ReplicaName& replica) const;
  /// The log begins behind this position.
  [[nodiscard]] Position base_of(const ReplicaName& replica) const;
  /// A hash of the value that `id` names in the group's logs; 0 if nobody has written it.
  [[nodiscard]] std::uint64_t value_of(GroupId group, EntryId id) const;
  /// The hash that value_of() gives for such an entry once it is written.
  [[nodiscard]] static std::uint64_t value_of(const consensus::Entry& entry);
  /// True if a crash now could not take (position, tag) from the replica.
  [[nodiscard]] bool has_durably(const ReplicaName& replica, EntryId id) const;
  /// True if it was durable there until the disk was damaged: the replica may have said so before.
  [[nodiscard]] bool has_lost(const ReplicaName& replica, EntryId id) const {
    return lost_.contains({replica, id.position, id.tag});
  }
  /// The last write of the replica's small state if it is not durable yet, else none.
  [[nodiscard]] Io unsynced_state(const ReplicaName& replica) const;

 private:
  struct Slot {
    Tag tag;  ///< none: a hole
    Io io;    ///< the write that put it there; none: it was recovered
  };
  struct Log {
    EntryId base;
    std::deque<Slot> slots;  ///< from behind `base`
    Io state;
    Io durable;
  };

  [[nodiscard]] const Slot* find(const ReplicaName& replica, Position position) const;

  void note_what_is_lost(const ReplicaName& replica, const Log& before);

  std::map<ReplicaName, Log> logs_;
  std::set<std::tuple<ReplicaName, Position, Tag>> lost_;
  std::map<std::tuple<GroupId, Position, Tag>, std::uint64_t> values_;
};

}  // namespace quorate::sim
