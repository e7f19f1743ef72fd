// Cutting the log, and what happens to a member that needs what was cut: it gets a snapshot.
//
// The snapshot itself is the runtime's: it reads, moves and keeps the records. A snapshot holds only what is committed,
// so whoever offers it, in whatever ballot, it is right to take it. It says nothing of the slots behind it: what was
// accepted there stays, undecided as before (P-10).

#include <algorithm>
#include <utility>

#include "base/assert.h"
#include "base/plant.h"
#include "consensus/multipaxos/core.h"

namespace quorate::multipaxos {

using namespace consensus;  // NOLINT(google-build-using-namespace)

/// The runtime chooses how much of the log it keeps for members that are a little behind.
void MultiPaxosCore::handle(const SnapshotTaken& input) {
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

// ---- who has it -----------------------------------------------------------------------------------------

void MultiPaxosCore::send_snapshot(NodeId to, Position asked) {
  if (std::ranges::find(snapshots_to_, to) != snapshots_to_.end()) {
    return;
  }
  trace(Branch::member_needs_snapshot, to.value(), asked.value());
  snapshots_to_.push_back(to);
  emit(SendSnapshot{.to = to, .at_least = log_.discarded().position});
}

/// Where the snapshot ends the receiver asks on by itself, with the next heartbeat.
void MultiPaxosCore::handle(const SnapshotSent& input) {
  if (std::erase(snapshots_to_, input.to) == 0) {
    trace(Branch::late_snapshot_outcome_ignored, input.to.value());
    return;
  }
  trace(input.delivered ? Branch::snapshot_delivered : Branch::snapshot_not_delivered, input.to.value(),
        input.position.value());
  if (Follower* follower = lead_ && input.delivered ? find_follower(input.to) : nullptr; follower != nullptr) {
    follower->on_decided(std::min(input.position, chosen_));
    follower->resume();
    replicate_to(*follower);
  }
}

// ---- who needs it ---------------------------------------------------------------------------------------

void MultiPaxosCore::handle(const SnapshotOffered& input) {
  if (input.id.position <= commit_ || lead_) {
    trace(Branch::snapshot_offer_declined, input.id.position.value(), commit_.value());
    return;
  }
  trace(Branch::snapshot_asked_for, input.from.value(), input.id.position.value());
  emit(InstallSnapshot{.from = input.from, .id = input.id});
}

void MultiPaxosCore::handle(const SnapshotReceived& input) {
  if (input.id.position <= commit_ || lead_) {
    trace(Branch::snapshot_outrun_by_log, input.id.position.value(), commit_.value());
    return;
  }
  trace(Branch::snapshot_adopted, input.id.position.value(), log_.last().value());
  if (log_.last() > input.id.position) {
    trace(Branch::slots_kept_behind_snapshot, input.id.position.value(), log_.last().value());
  }
  if (input.id.tag > state_.promised) {
    adopt_ballot(input.id.tag, NodeId(), RoleCause::higher_message);
  } else if (campaign_) {
    // What it brings may be a change of the membership, decided in a higher ballot than the own: asks anew.
    become_follower(NodeId(), RoleCause::members_changed);
    expect_leader(LeaderSign::none);
  }
  output_.write().emplace_back(
      ResetTo{input.id, input.membership, input.generation, !QUORATE_PLANT(snapshot_drops_slots)});
  log_io_ = output_.issued();
  log_.discard_below(input.id);
  chosen_ = std::max(chosen_, input.id.position);
  commit_ = input.id.position;
  changes_.erase(changes_.begin(), changes_.upper_bound(commit_));
  const bool is_same = membership() == input.membership;
  memberships_ = MembershipHistory(input.membership, input.id);
  if (!is_same) {
    trace(Branch::membership_from_snapshot, input.id.position.value());
  }
  emit(ConfigurationChanged{.membership = membership(), .id = input.id, .committed = true, .contacts = {}});
  if (!is_same) {
    use_membership();
  }
  if (chosen_ > commit_) {
    advance_commit();
  }
  learn_watermark(watermark_);
  if (learning_) {
    learning_->asked = chosen_;
    go_on_learning();
  }
}

}  // namespace quorate::multipaxos
