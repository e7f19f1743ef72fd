#pragma once
// One replica of an explored cluster: the core, what its disk holds for certain and may hold, what waits for the disk.
//
// Invariants: 1. a replica never changes once it is sealed; a step gives another one. 2. replicas that behave alike
// have equal hashes. 3. `unconfirmed` are the writes between `durable` and `written`, in order. Owned by a StepTable,
// which keeps each distinct one once.

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/hash.h"
#include "consensus/contract/core.h"
#include "consensus/contract/executor.h"

namespace quorate::explore {

/// What a replica's log, small state and cells are.
struct Disk {
  Buffer state;
  std::vector<consensus::Entry> log;    ///< position p at p - 1; an entry without a position is a hole
  std::map<std::string, Buffer> cells;  ///< by key

  void apply(const consensus::Persist& write);
  [[nodiscard]] const consensus::Entry* find(Position position) const;
  [[nodiscard]] bool has(EntryId id) const;
  void hash_into(Hasher& hasher) const;
};

struct Replica {
  NodeId id;
  Incarnation life;
  std::unique_ptr<consensus::Core> core;
  consensus::Executor executor;
  Disk durable;
  Disk written;  ///< durable and what was written since
  std::vector<consensus::Persist> unconfirmed;
  bool disk_hangs = false;  ///< what it writes now is unsynced until it crashes
  std::uint8_t timers = 0;  ///< one bit per armed TimerKind
  Position commit;
  std::map<std::string, std::string> decided;  ///< cells that this life knows to be decided
  std::uint64_t hash = 0;                      ///< of all of the above
  consensus::Role role = consensus::Role::follower;
  /// How far it has come: rises with most steps.
  std::uint32_t rank = 0;

  [[nodiscard]] Replica copy() const;
  /// Fills the last three. `round`: how often leadership was contended for.
  void seal(std::uint64_t round);
  [[nodiscard]] bool is_armed(consensus::TimerKind kind) const {
    return (timers >> static_cast<unsigned>(kind) & 1U) != 0;
  }
  void arm(consensus::TimerKind kind, bool on);
};

/// A message with the entries that were attached when it left.
struct Packet {
  NodeId from;
  NodeId to;
  Buffer message;
  std::vector<consensus::Entry> entries;
  std::uint64_t hash = 0;

  void seal();
};

[[nodiscard]] std::uint64_t hash_of(const consensus::Entry& entry);

}  // namespace quorate::explore
