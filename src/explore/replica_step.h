#pragma once
// One step of one replica: the contract's rules carried out on the real core and its disk, with nothing else in sight.
//
// Invariants: 1. equal replicas given equal inputs become equal and say the same: what follows may be remembered.
//             2. the disk confirms writes in order, and a crash keeps a prefix of those it has not confirmed.
//             3. where schedules are left out, a write is durable at once unless the disk hangs: from outside, a write
//             that becomes durable late looks like late messages, and only a crash can tell that it was not.
// Pure functions.

#include <string>
#include <variant>
#include <vector>

#include "explore/bounds.h"
#include "explore/replica.h"

namespace quorate::explore {

enum class InputKind : std::uint8_t {
  election = 1,  ///< the election timer runs out until the node asks for votes
  heartbeat,     ///< the leader's regular word is due
  retry,         ///< a proposer that was refused tries again
  notice,        ///< a leader's word of a commit has waited long enough
  deliver,       ///< argument: the packet's number
  confirm,       ///< the oldest unsynced write is durable
  hang,          ///< the disk syncs nothing any more
  crash,         ///< and restart; argument: how many unsynced writes the disk kept
  propose,       ///< argument: which command
  read,          ///< argument: the read's context
  reconfigure,   ///< argument: which target
};

struct StepInput {
  InputKind kind = InputKind::deliver;
  std::uint32_t argument = 0;
};

// What others must know of a step, in order.
struct LeadTaken {
  Tag term;
};
/// By a replica that was in `term` then; `before` is what it had decided before.
struct DecidedUpTo {
  Position before;
  Position up_to;
  Tag term;
  bool leads = false;
};
/// In protocols without a log.
struct DecidedCell {
  std::string cell;
  std::string value;
};
struct ReadServed {
  Context context;
  Position position;  ///< without a log: how many cells the replica knows to be decided
};
/// The read will not be answered.
struct ReadDropped {
  Context context;
};
/// A rule that one replica alone can break.
struct RuleBroken {
  std::string words;
};
using Note = std::variant<LeadTaken, DecidedUpTo, DecidedCell, ReadServed, ReadDropped, RuleBroken>;

struct StepResult {
  Replica next;  ///< sealed
  std::vector<Packet> sent;
  std::vector<Note> notes;
};

/// A first life with an empty disk.
[[nodiscard]] Replica first_life(const Model& model, NodeId id);

/// `packet`: what is delivered, else null. `story`: what happened, line by line, if not null.
[[nodiscard]] StepResult take_step(const Model& model, const Replica& replica, const StepInput& input,
                                   const Packet* packet, std::vector<std::string>* story);

}  // namespace quorate::explore
