#pragma once
// From what the log and the state machine recovered of a group to what its core begins with.
//
// Invariant: a group whose log and records do not meet is refused, never guessed on: the log must begin at or below
// what the records contain (else entries are missing between them), and the records must not contain more than the log
// ever confirmed (else the log lost what it had confirmed). Scenario N-02. Pure functions, used at start.

#include "consensus/contract/core.h"
#include "storage/log.h"

namespace quorate::group {

/// `recovered` may be null: a group that this node has never had; else salvage() was asked about it. `applied` is what
/// the state machine recovered.
/// Errors are ErrorCode::corrupt and tell an operator what is damaged and what to do.
[[nodiscard]] Result<consensus::PersistedState> make_persisted_state(GroupId group,
                                                                     const storage::RecoveredGroup* recovered,
                                                                     Position applied, bool uncertain_tail);

}  // namespace quorate::group
