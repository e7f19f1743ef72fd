#pragma once
// What a replica may begin with when its node's log is damaged, or its records were, and what it must remember of that.
//
//   only payloads up to what the records contain   ->  the log begins behind them; nothing is lost
//   a payload behind that                          ->  the log ends in front of it: Loss::tail
//   the group's state may have been replaced       ->  Loss::promises
//   frames that may have been the group's          ->  an empty replica in a new generation: Loss::promises
//   the log's end: the records contain more        ->  an empty replica in a new generation: Loss::promises
//   the records, and the log begins behind them    ->  an empty replica in a new generation: Loss::tail
//
// Invariants: 1. nothing that the log may have taken back since is given to a core. 2. a loss outlives the damage: it
// is noted in the log with what replaces the damaged part, in one frame, and until it is made good every life begins
// with it. 3. records are not dropped before the loss is made good: they may be the last copy. Pure functions, used at
// start. docs/decisions/damaged-logs.md tells why this is enough.

#include <vector>

#include "consensus/contract/core.h"
#include "storage/log.h"

namespace quorate::group {

struct Salvage {
  consensus::Loss loss;
  bool blank = false;               ///< neither log nor records can be gone on with
  std::vector<storage::LogOp> ops;  ///< one frame for the log, in front of everything else that the replica writes
};

/// Takes out of `group` what cannot be believed. `applied` is what the records contain; if they were laid aside, what
/// the log begins behind is missing.
[[nodiscard]] Salvage salvage(storage::RecoveredGroup& group, Position applied, bool records_laid_aside);
/// The replica begins anew, in a generation that was never used.
void begin_blank(storage::RecoveredGroup& group, Salvage& salvage, Generation unused);

/// The frame that ends a loss.
[[nodiscard]] std::vector<storage::LogOp> loss_made_good();

}  // namespace quorate::group
