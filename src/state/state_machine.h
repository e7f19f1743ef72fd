#pragma once
// What a replica runs: a deterministic state machine over a record store.
//
// Invariants: 1. execute() depends on nothing but the state and the entry: every replica gets the same outcome.
//             2. records reach the engine only by collect(), which the runtime calls when the log up to the executed
//                position is durable here: log durable >= engine written (DESIGN section 5).
//             3. the applied position travels in the same batch as the records it stands for. 4. all of the records
//                are a snapshot of that position: nothing outside them is needed to rebuild the state.
// Owned by the group's runtime, on its loop.

#include <cstdint>
#include <span>

#include "base/assert.h"
#include "base/bytes.h"
#include "base/callback.h"
#include "base/hash.h"
#include "base/ids.h"
#include "base/result.h"
#include "env/record_store.h"
#include "state/record_space.h"

namespace quorate::state {

enum class Execution : std::uint8_t {
  done,
  pending,  ///< nothing changed; a record is being fetched; call again after `ready`
};

/// A member of the group and where it is found.
struct MemberContact {
  NodeId node;
  ByteView text;
};

class StateMachine {
 public:
  virtual ~StateMachine() = default;

  /// Blocking, at start: rebuilds memory from the records of this generation. Returns the position that they contain.
  /// May be called again, for another one, before anything is executed.
  [[nodiscard]] virtual Result<Position> recover(Generation generation) = 0;

  /// Executes one command. The machine tells its observers (service) what came of it.
  [[nodiscard]] virtual Execution execute(const EntryId& id, const Buffer& command, Callback<> ready) = 0;

  /// The position of the last executed entry; the runtime also calls skip() for entries without a command.
  virtual void skip(Position position) = 0;
  /// An entry that changes the membership: instead of skip(). `members` is everybody who takes part from there on,
  /// rising; `contacts` may name less, or nobody. A machine that front ends ask for members keeps them.
  virtual void configure(Position position, std::span<const NodeId> members, std::span<const MemberContact> contacts) {
    static_cast<void>(members);
    static_cast<void>(contacts);
    skip(position);
  }
  [[nodiscard]] virtual Position executed() const = 0;

  /// Moves the records of everything executed up to `durable` (and not yet collected) to `batch`, with the applied
  /// position that they stand for. Executed entries above `durable` stay in memory.
  virtual void collect(Position durable, env::RecordBatch& batch) = 0;

  // ---- replacement by a snapshot: a second state is built beside the one that serves, then takes its place
  /// Begins to build a state out of records that `generation` will hold; an unfinished one is given up.
  virtual void begin_restore(Generation generation) = 0;
  /// The next record in the order of keys, without what all keys of a space begin with. An error: such records make no
  /// state.
  [[nodiscard]] virtual Status restore(ByteView key, ByteView value) = 0;
  /// That was all. Returns the position that the state stands for.
  [[nodiscard]] virtual Result<Position> finish_restore() = 0;
  /// The finished state takes the place of the present one, whose records nobody reads any more. Observers are told.
  virtual void adopt_restored() = 0;
  virtual void abandon_restore() = 0;

  // ---- machines of cores without a log: nothing above is called of them but recover()
  /// `cell` is decided as `value`, for ever. May be told again; at the start of each life of all that was decided
  /// before, by the core, which keeps it: such a machine needs no records.
  virtual void decide(const Buffer& cell, const Buffer& value);

  /// A hash of the whole logical state: equal on all replicas at equal positions.
  virtual void hash_into(Hasher& hasher) const = 0;
};

inline void StateMachine::decide(const Buffer& cell, const Buffer& /*value*/) {
  QUORATE_UNREACHABLE("a machine over a log has no cells", cell.size());
}

}  // namespace quorate::state
