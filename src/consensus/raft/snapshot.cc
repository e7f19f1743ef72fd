// Cutting the log, and what happens to a follower that needs what was cut: it gets a snapshot (paper, section 7).
//
// The snapshot itself is the runtime's: it reads, moves and keeps the records. Here is decided who needs one, who takes
// one, and what it does to the log. A snapshot holds only what is committed, so whoever offers it, in whatever term,
// it is right to take it; it never touches term or vote, unless it shows a term that this node has not heard of.

#include <algorithm>
#include <utility>

#include "base/assert.h"
#include "base/plant.h"
#include "consensus/raft/core.h"

namespace quorate::raft {

using namespace consensus;  // NOLINT(google-build-using-namespace)

/// The runtime chooses how much of the log it keeps for followers that are a little behind.
void RaftCore::handle(const SnapshotTaken& input) {
  if (input.id.position <= log_.discarded().position) {
    return;
  }
  if (input.id.position > commit_ || !log_.has(input.id)) {
    trace(Branch::discard_refused, input.id.position.value());
    return;
  }
  trace(Branch::log_discarded, input.id.position.value());
  output_.write().emplace_back(DiscardBelow{input.id, memberships_.at(input.id.position).membership});
  log_.discard_below(input.id);
  memberships_.discard_below(input.id.position);
}

// ---- the leader -----------------------------------------------------------------------------------------

/// The follower's log ends, or goes another way, before the own log begins. Nothing is appended until the
/// runtime tells what became of the snapshot.
void RaftCore::send_snapshot(Progress& follower) {
  trace(Branch::follower_needs_snapshot, follower.node().value(), log_.discarded().position.value());
  follower.await_snapshot();
  emit(SendSnapshot{.to = follower.node(), .at_least = log_.discarded().position});
}

void RaftCore::handle(const SnapshotSent& input) {
  Progress* follower = lead_ ? find_follower(input.to) : nullptr;
  if (follower == nullptr || follower->mode() != Progress::Mode::snapshot) {
    trace(Branch::late_snapshot_outcome_ignored, input.to.value());
    return;
  }
  if (input.delivered) {
    trace(Branch::snapshot_delivered, input.to.value(), input.position.value());
    // Asks whether the logs meet there, even if nothing is left to send: else it would wait here for the next write
    //
    const Position received = std::min(input.position, log_.last_position());
    follower->probe_from(std::max(follower->match(), received).next());
    replicate_to(*follower, true);
    return;
  }
  trace(Branch::snapshot_not_delivered, input.to.value());
  // A heartbeat's answer lets the probe go out; its rejection begins another snapshot.
  follower->probe_from(std::max(follower->match(), log_.discarded().position).next());
  follower->on_sent(follower->next().previous());
}

// ---- the follower ---------------------------------------------------------------------------------------

bool RaftCore::has_all_of(const EntryId& id) {
  if (id.position <= commit_) {
    return true;
  }
  if (!log_.has(id)) {
    return false;
  }
  // What others have executed is committed, and an entry with the same position and term has the same log before it.
  // What stands behind it may be acknowledged: it must stay.
  set_commit(id.position);
  return true;
}

void RaftCore::handle(const SnapshotOffered& input) {
  if (has_all_of(input.id)) {
    trace(Branch::snapshot_offer_declined, input.id.position.value(), commit_.value());
    return;
  }
  QUORATE_ASSERT(!is_leader(), "a leader has everything that was committed before its term", input.id.position,
                 commit_);
  trace(Branch::snapshot_asked_for, input.from.value(), input.id.position.value());
  emit(InstallSnapshot{.from = input.from, .id = input.id});
}

void RaftCore::handle(const SnapshotReceived& input) {
  const bool is_forced = (QUORATE_PLANT(snapshot_lowers_commit) && !is_leader()) ||
                         (QUORATE_PLANT(snapshot_drops_matching_log) && !is_leader() && input.id.position > commit_);
  if (!is_forced && has_all_of(input.id)) {
    trace(Branch::snapshot_outrun_by_log, input.id.position.value(), commit_.value());
    return;
  }
  QUORATE_ASSERT(!is_leader(), "a leader has everything that was committed before its term", input.id.position,
                 commit_);
  trace(Branch::snapshot_adopted, input.id.position.value(), log_.last_position().value());
  if (input.id.tag > hard_.term) {
    adopt_term(input.id.tag, NodeId(), RoleCause::higher_snapshot);
  }
  output_.write().emplace_back(ResetTo{input.id, input.membership, input.generation});
  log_io_ = output_.issued();
  // The old log had no entry `id`, so what it had from there on can never be committed.
  log_ = LogView(input.id);
  commit_ = input.id.position;
  verified_ = commit_;
  const bool is_same = membership() == input.membership;
  memberships_ = MembershipHistory(input.membership, input.id);
  if (!is_same) {
    trace(Branch::membership_from_snapshot, input.id.position.value());
  }
  emit(ConfigurationChanged{.membership = membership(), .id = input.id, .committed = true, .contacts = {}});
  if (!is_same) {
    use_membership(RoleCause::members_of_snapshot);
  }
}

}  // namespace quorate::raft
