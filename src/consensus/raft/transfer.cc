// Handing leadership over (thesis 3.10): the target is brought level, then told to campaign at once.

#include <algorithm>
#include <utility>

#include "base/assert.h"
#include "consensus/raft/core.h"

namespace quorate::raft {

using namespace consensus;  // NOLINT(google-build-using-namespace)

void RaftCore::handle(const TransferLeadership& input) {
  const NodeId to = lead_ && input.to.is_none() ? furthest_voter() : input.to;
  if (!lead_ || find_follower(to) == nullptr || !membership().is_voter(to)) {
    return;  // nobody to hand over, or nobody who could take it
  }
  begin_transfer(to);
}

void RaftCore::begin_transfer(NodeId to) {
  QUORATE_ASSERT(find_follower(to) != nullptr, "leadership is handed to somebody who gets the log", to);
  trace(Branch::transfer_started, to.value());
  lead_->transfer = Transfer{.to = to, .ticks_left = ticks_per_election_timeout()};
  try_transfer();
}

NodeId RaftCore::furthest_voter() const {
  const auto worth = [this](const Progress& follower) {
    return std::pair(!links_.is_down(follower.node()) && follower.counts, follower.match());
  };
  const Progress* best = nullptr;
  for (const Progress& follower : lead_->followers) {
    if (membership().is_voter(follower.node()) && (best == nullptr || worth(follower) > worth(*best))) {
      best = &follower;
    }
  }
  return best == nullptr ? NodeId() : best->node();
}

void RaftCore::retire_if_removed() {
  if (!is_voter() && memberships_.latest().id.position <= commit_) {
    become_follower(NodeId(), RoleCause::vote_lost);
  }
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
  retire_if_removed();
}

void RaftCore::on_transfer_tick() {
  if (lead_->transfer && --lead_->transfer->ticks_left == 0) {
    trace(Branch::transfer_given_up, lead_->transfer->to.value());
    lead_->transfer.reset();
    retire_if_removed();
  }
}

/// A leader whose disk takes nothing for an election time-out burdens everybody and helps nobody: it hands over.
/// Should the write come to its end later, that harms nobody.
void RaftCore::watch_own_disk() {
  const Io oldest = lead_->own_writes.empty() ? Io() : lead_->own_writes.front().io;
  const bool hangs = oldest != Io() && oldest == lead_->oldest_write;
  lead_->hanging_ticks = hangs ? lead_->hanging_ticks + 1 : 0;
  lead_->oldest_write = oldest;
  const NodeId successor = furthest_voter();
  if (lead_->hanging_ticks >= ticks_per_election_timeout() && !lead_->transfer && !successor.is_none()) {
    trace(Branch::own_disk_hangs, oldest.value());
    lead_->hanging_ticks = 0;
    begin_transfer(successor);
  }
}

void RaftCore::on(NodeId from, const TimeoutNow& message) {
  if (role_ != Role::follower || from != leader_ || !may_campaign() || uncertain_tail_ || is_damaged()) {
    trace(Branch::stale_message_ignored, from.value(), message.term.value());
    return;
  }
  trace(Branch::timeout_now_obeyed, hard_.term.value());
  become_candidate(true);
}

}  // namespace quorate::raft
