// Handing leadership over (thesis 3.10): the target is brought level, then told to campaign at once.

#include "consensus/raft/core.h"

namespace quorate::raft {

using namespace consensus;  // NOLINT(google-build-using-namespace)

void RaftCore::handle(const TransferLeadership& input) {
  if (!lead_ || find_follower(input.to) == nullptr || !membership().is_voter(input.to)) {
    return;  // nobody to hand over, or nobody who could take it
  }
  trace(Branch::transfer_started, input.to.value());
  lead_->transfer = Transfer{.to = input.to, .ticks_left = ticks_per_election_timeout()};
  try_transfer();
}

/// While a hand-over is under way no proposals are taken, so the target catches up for certain.
void RaftCore::try_transfer() {
  if (!lead_->transfer || lead_->transfer->told) {
    return;
  }
  const NodeId to = lead_->transfer->to;
  const Progress* target = find_follower(to);
  if (target->match() < log_.last_position()) {
    trace(Branch::transfer_waits, to.value(), target->match().value());
    return;
  }
  lead_->transfer->told = true;
  send(to, TimeoutNow{.term = hard_.term});
}

void RaftCore::on_transfer_tick() {
  if (lead_->transfer && --lead_->transfer->ticks_left == 0) {
    trace(Branch::transfer_given_up, lead_->transfer->to.value());
    lead_->transfer.reset();
  }
}

void RaftCore::on(NodeId from, const TimeoutNow& message) {
  if (role_ != Role::follower || from != leader_ || !is_voter() || uncertain_tail_) {
    trace(Branch::stale_message_ignored, from.value(), message.term.value());
    return;
  }
  trace(Branch::timeout_now_obeyed, hard_.term.value());
  become_candidate(true);
}

}  // namespace quorate::raft
