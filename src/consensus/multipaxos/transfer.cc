// Handing leadership over: the target is brought level, then told to campaign at once.

#include <algorithm>
#include <utility>

#include "base/assert.h"
#include "consensus/multipaxos/core.h"

namespace quorate::multipaxos {

using namespace consensus;  // NOLINT(google-build-using-namespace)

void MultiPaxosCore::handle(const TransferLeadership& input) {
  const NodeId to = is_leader() && input.to.is_none() ? furthest_voter() : input.to;
  if (!is_leader() || find_follower(to) == nullptr || !membership().is_voter(to)) {
    return;  // nobody to hand over, or nobody who could take it
  }
  if (!can_be_succeeded()) {
    trace(Branch::transfer_refused, to.value());
    return;
  }
  begin_transfer(to);
}

/// A leader goes on with fewer voters than it took to elect it, where phase 2 needs fewer: then its promise to another
/// would leave the group without any.
bool MultiPaxosCore::can_be_succeeded() const {
  const auto reachable = std::ranges::count_if(voters(), [this](NodeId node) { return !links_.is_down(node); });
  return static_cast<std::size_t>(reachable) >= needed(Phase::one, voters().size());
}

void MultiPaxosCore::begin_transfer(NodeId to) {
  QUORATE_ASSERT(find_follower(to) != nullptr, "leadership is handed to a member", to);
  trace(Branch::transfer_started, to.value());
  lead_->transfer = Transfer{.to = to, .ticks_left = heartbeats_per_election_timeout(config_)};
  for (const Proposal& proposal : std::exchange(lead_->waiting, {})) {
    emit(Dropped{proposal.context, Dropped::Outcome::never});
  }
  try_transfer();
}

NodeId MultiPaxosCore::furthest_voter() const {
  const Follower* best = nullptr;
  const auto worth = [this](const Follower& follower) {
    return std::pair(!links_.is_down(follower.node()), follower.match());
  };
  for (const Follower& follower : lead_->followers) {
    if (membership().is_voter(follower.node()) && (best == nullptr || worth(follower) > worth(*best))) {
      best = &follower;
    }
  }
  return best == nullptr ? NodeId() : best->node();
}

/// While a hand-over is under way no proposals are taken, so the target catches up for certain.
void MultiPaxosCore::try_transfer() {
  if (!lead_ || !lead_->transfer || lead_->transfer->told) {
    return;
  }
  const NodeId to = lead_->transfer->to;
  const Follower* target = find_follower(to);
  if (target->end_from(lead_->first) < lead_->last) {
    trace(Branch::transfer_waits, to.value(), target->match().value());
    return;
  }
  lead_->transfer->told = true;
  send(to, CampaignNow{.ballot = state_.promised});
  if (!is_voter()) {
    become_follower(NodeId(), RoleCause::vote_lost);
  }
}

void MultiPaxosCore::on_transfer_tick() {
  if (lead_ && lead_->transfer && --lead_->transfer->ticks_left == 0) {
    trace(Branch::transfer_given_up, lead_->transfer->to.value());
    lead_->transfer.reset();
    if (!is_voter()) {
      become_follower(NodeId(), RoleCause::vote_lost);
    }
  }
}

/// A leader whose disk takes nothing for an election time-out burdens everybody and helps nobody: it hands over.
void MultiPaxosCore::watch_own_disk() {
  if (!is_leader()) {
    return;
  }
  const Io oldest = lead_->own_writes.empty() ? Io() : lead_->own_writes.front().io;
  const bool hangs = oldest != Io() && oldest == lead_->oldest_write;
  lead_->hanging_ticks = hangs ? lead_->hanging_ticks + 1 : 0;
  lead_->oldest_write = oldest;
  const NodeId successor = furthest_voter();
  const bool may_hand_over = !lead_->transfer && !successor.is_none() && can_be_succeeded();
  if (lead_->hanging_ticks >= heartbeats_per_election_timeout(config_) && may_hand_over) {
    trace(Branch::own_disk_hangs, oldest.value());
    lead_->hanging_ticks = 0;
    begin_transfer(successor);
  }
}

void MultiPaxosCore::on(NodeId from, const CampaignNow& message) {
  if (role_ != Role::follower || from != leader_ || !is_voter() || is_uncertain()) {
    trace(Branch::stale_message_ignored, from.value(), Ballot::of(message.ballot).round);
    return;
  }
  trace(Branch::campaign_by_transfer, round());
  prepare(true);
}

}  // namespace quorate::multipaxos
