// Who should propose: timers, inquiries, and every change of role.

#include <algorithm>
#include <utility>

#include "base/assert.h"
#include "consensus/multipaxos/core.h"

namespace quorate::multipaxos {

using namespace consensus;  // NOLINT(google-build-using-namespace)

// ---- timers and links -----------------------------------------------------------------------------------

/// Silence is judged in two steps: after one time-out an acceptor no longer stands by its leader, after up to one more
/// it asks the others itself.
void MultiPaxosCore::on_election_timer() {
  const bool stands_by_leader = leader_sign_ == LeaderSign::fresh;
  if (role_ == Role::learner) {
    // It may have become a voter without knowing it: then it must not refuse others for ever (M-05).
    leader_sign_ = stands_by_leader ? LeaderSign::silent : leader_sign_;
  } else if (role_ == Role::follower && stands_by_leader) {
    trace(Branch::leader_silent, leader_.value());
    leader_sign_ = LeaderSign::silent;
    output_.set_timer(TimerKind::election, Duration(), config_.election_timeout);
  } else if (!is_leader()) {
    inquire();
  }
}

/// The leader of the promised ballot gave a sign of life.
void MultiPaxosCore::hear_leader() {
  leader_sign_ = LeaderSign::fresh;
  heard_any_leader_ = true;
  output_.set_timer(TimerKind::election, config_.election_timeout, config_.election_timeout);
}

/// Waits a whole random time-out for somebody to lead.
void MultiPaxosCore::expect_leader(LeaderSign sign) {
  leader_sign_ = sign;
  if (is_voter()) {
    output_.set_timer(TimerKind::election, config_.election_timeout, 2 * config_.election_timeout);
  }
}

/// A broken link to the leader is a hint: the acceptor no longer stands by it, and asks the others soon. If they still
/// hear the leader they refuse, and nothing has changed.
void MultiPaxosCore::hasten_after_peer_down(NodeId node) {
  if (role_ == Role::learner && node == leader_) {
    leader_sign_ = LeaderSign::silent;
  }
  if (role_ != Role::follower || node != leader_) {
    return;
  }
  trace(Branch::peer_down_hastens_election, node.value());
  leader_sign_ = LeaderSign::silent;
  output_.set_timer(TimerKind::election, config_.heartbeat_interval / 20, config_.heartbeat_interval / 2);
}

/// At the start of a node nobody is heard. Once enough are connected a short wait will do: a leader that lives speaks
/// at once to a node that came up.
void MultiPaxosCore::hasten_when_connected() {
  const bool waits = role_ == Role::follower || role_ == Role::pre_candidate;
  if (!waits || heard_any_leader_ || !leader_.is_none() || !is_voter()) {
    return;
  }
  const auto connected =
      std::ranges::count_if(voters(), [this](NodeId node) { return node == config_.self || links_.is_up(node); });
  if (static_cast<std::size_t>(connected) >= needed(Phase::one, voters().size())) {
    trace(Branch::connected_hastens_election, round());
    output_.set_timer(TimerKind::election, config_.heartbeat_interval / 2, 2 * config_.heartbeat_interval);
  }
}

// ---- roles ----------------------------------------------------------------------------------------------

void MultiPaxosCore::change_role(Role role, NodeId leader, RoleCause cause) {
  const Role from = std::exchange(role_, role);
  const bool is_new_leader = leader != std::exchange(leader_, leader);
  if (role != Role::leader && lead_) {
    emit(CancelTimer{TimerKind::heartbeat});
    for (const Proposal& proposal : lead_->waiting) {
      emit(Dropped{proposal.context, Dropped::Outcome::never});
    }
    snapshots_to_.clear();  // the runtime gives them up with the leadership
    if (noted_written_ < chosen_) {
      chosen_ = commit_;  // a change that takes its vote: without a leader's word that it may go it is still needed
    }
  }
  if (from != role || is_new_leader) {
    drop_reads();
    emit(RoleChanged{.from = from, .to = role, .tag = state_.promised, .leader = leader, .why = words_of(cause)});
  }
  if (role != Role::leader) {
    lead_.reset();
  }
  if (role != Role::candidate && role != Role::pre_candidate) {
    if (campaign_ && role_ != Role::leader) {
      learning_.reset();
    }
    campaign_.reset();
  }
}

/// Of the promised ballot. `leader` none: unknown.
void MultiPaxosCore::become_follower(NodeId leader, RoleCause cause) {
  change_role(is_voter() ? Role::follower : Role::learner, leader, cause);
}

void MultiPaxosCore::adopt_ballot(Tag ballot, NodeId leader, RoleCause cause) {
  QUORATE_ASSERT(ballot > state_.promised, "promises rise", ballot, state_.promised);
  const Branch met = is_leader() ? Branch::pre_empted : is_preparing() ? Branch::duel_lost : Branch::ballot_adopted;
  trace(met, round(), Ballot::of(ballot).round);
  state_.promised = ballot;
  state_.proposer = leader;
  write_state();
  watermark_ = chosen_;
  learning_.reset();
  become_follower(leader, cause);
  expect_leader(LeaderSign::none);
}

// ---- inquiries ------------------------------------------------------------------------------------------

/// Asks whether a Prepare would be heeded before it makes one: a node that comes back disturbs nobody.
void MultiPaxosCore::inquire() {
  if (is_damaged()) {
    trace(Branch::damaged_waits_for_leader, round());
    become_follower(NodeId(), RoleCause::silence);
    expect_leader(LeaderSign::none);
    return;
  }
  if (!config_.pre_vote || is_sole_voter()) {
    prepare(false);
    return;
  }
  const Tag ballot = next_ballot(state_.promised, config_.self);
  trace(Branch::inquiry_started, Ballot::of(ballot).round);
  change_role(Role::pre_candidate, NodeId(), RoleCause::silence);
  campaign_.emplace();
  campaign_->ballot = ballot;
  expect_leader(LeaderSign::none);
  const Buffer bytes = encode(Inquiry{.ballot = ballot, .decided = commit_});
  for (const NodeId node : voters()) {
    if (node != config_.self) {
      output_.send(node, bytes);
    }
  }
  campaign_->answers.record(config_.self, true);
  if (!is_uncertain()) {
    campaign_->firm_answers.record(config_.self, true);
  }
}

/// True while this node must not help to replace a leader that it believes to live.
bool MultiPaxosCore::trusts_leader() const {
  return is_leader() || (!leader_.is_none() && leader_sign_ == LeaderSign::fresh);
}

void MultiPaxosCore::on(NodeId from, const Inquiry& message) {
  bool granted = false;
  if (trusts_leader()) {
    trace(Branch::inquiry_refused_leader_alive, from.value());
  } else if (message.ballot <= state_.promised) {
    trace(Branch::inquiry_refused_old_ballot, from.value(), Ballot::of(message.ballot).round);
  } else if (is_damaged()) {
    trace(Branch::damaged_promises_nothing, from.value(), Ballot::of(message.ballot).round);
  } else {
    trace(Branch::inquiry_granted, from.value(), Ballot::of(message.ballot).round);
    granted = true;
  }
  // The own ballot lets a node that fell behind catch up, so that it can ask with one that wins.
  send(from,
       InquiryAnswer{
           .ballot = state_.promised, .asked = message.ballot, .granted = granted, .conditional = is_uncertain()});
}

void MultiPaxosCore::on(NodeId from, const InquiryAnswer& message) {
  if (role_ != Role::pre_candidate || message.asked != campaign_->ballot) {
    trace(Branch::stale_message_ignored, from.value(), Ballot::of(message.asked).round);
    return;
  }
  campaign_->answers.record(from, message.granted);
  if (!message.granted || !message.conditional) {
    campaign_->firm_answers.record(from, message.granted);
  }
  check_inquiry();
}

void MultiPaxosCore::check_inquiry() {
  std::size_t firm = 0;
  std::size_t granted = 0;
  std::size_t refused = 0;
  for (const NodeId node : voters()) {
    firm += campaign_->firm_answers.answer_of(node) == quorum::Answer::granted ? 1U : 0U;
    granted += campaign_->answers.answer_of(node) == quorum::Answer::granted ? 1U : 0U;
    refused += campaign_->answers.answer_of(node) == quorum::Answer::rejected ? 1U : 0U;
  }
  const std::size_t enough = needed(Phase::one, voters().size());
  if (firm >= enough || granted == voters().size()) {
    prepare(false);
  } else if (refused + enough > voters().size()) {
    trace(Branch::inquiry_lost, Ballot::of(campaign_->ballot).round);
    become_follower(NodeId(), RoleCause::would_not_be_heeded);
  }
}

}  // namespace quorate::multipaxos
