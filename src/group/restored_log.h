#pragma once
// What the log of a member begins with whose state comes from a backup.
//
// Pure; used by whoever restores, before the node's first start.

#include <utility>
#include <vector>

#include "consensus/contract/membership_codec.h"
#include "state/record_space.h"
#include "storage/log.h"

namespace quorate::group {

/// The log begins behind this entry, which stands for the whole of the backup.
inline constexpr EntryId kRestoredEntry{Position(1), Tag(1)};

/// One frame: what a member has that was brought up to kRestoredEntry by a snapshot, and discarded its log behind it.
/// `state`: consensus::CoreFactory::state_behind(kRestoredEntry).
[[nodiscard]] inline std::vector<storage::LogOp> restored_log(const consensus::Membership& membership, Buffer state) {
  storage::LogOp begin{.kind = storage::LogOp::Kind::reset_to, .generation = state::kFirstGeneration};
  begin.entry.id = kRestoredEntry;
  begin.blob = consensus::encode_membership(membership);
  storage::LogOp state_op{.kind = storage::LogOp::Kind::set_state};
  state_op.blob = std::move(state);
  std::vector<storage::LogOp> ops;
  ops.push_back(std::move(begin));
  ops.push_back(std::move(state_op));
  return ops;
}

}  // namespace quorate::group
