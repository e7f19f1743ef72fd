// Elections: timers, pre-votes, votes, and every change of role.

#include <algorithm>
#include <utility>

#include "base/assert.h"
#include "base/plant.h"
#include "consensus/raft/core.h"

namespace quorate::raft {

using namespace consensus;  // NOLINT(google-build-using-namespace)

// ---- timers and links -----------------------------------------------------------------------------------

/// Silence is judged in two steps, so that the paper's random delay does not lengthen the time for which a voter stands
/// by a leader that has gone: after one time-out it no longer refuses others, after up to one more it campaigns itself.
void RaftCore::on_election_timer() {
  const bool stands_by_leader = leader_sign_ == LeaderSign::fresh;
  if (role_ == Role::learner) {
    // It may have become a voter without knowing it: then it must not refuse others for ever (M-05).
    leader_sign_ = stands_by_leader ? LeaderSign::silent : leader_sign_;
  } else if (role_ == Role::follower && stands_by_leader) {
    trace(Branch::leader_silent, leader_.value());
    leader_sign_ = LeaderSign::silent;
    output_.set_timer(TimerKind::election, Duration(), config_.election_timeout);
  } else if (!is_leader()) {
    campaign();
  }
}

/// The leader of the current term gave a sign of life.
void RaftCore::hear_leader() {
  leader_sign_ = LeaderSign::fresh;
  heard_any_leader_ = true;
  output_.set_timer(TimerKind::election, config_.election_timeout, config_.election_timeout);
}

/// Waits a whole random time-out for somebody to lead.
void RaftCore::expect_leader(LeaderSign sign) {
  leader_sign_ = sign;
  if (may_campaign()) {
    output_.set_timer(TimerKind::election, config_.election_timeout, 2 * config_.election_timeout);
  }
}

/// A broken link to the leader is a hint: the follower no longer stands by it, and asks the others soon. If they still
/// hear the leader they refuse, and nothing has changed.
void RaftCore::hasten_after_peer_down(NodeId node) {
  if (role_ == Role::learner && node == leader_) {
    leader_sign_ = LeaderSign::silent;
  }
  if (role_ != Role::follower || node != leader_ || !may_campaign()) {
    return;
  }
  trace(Branch::peer_down_hastens_election, node.value());
  leader_sign_ = LeaderSign::silent;
  output_.set_timer(TimerKind::election, config_.heartbeat_interval / 20, config_.heartbeat_interval / 2);
}

/// At the start of a node nobody is heard. Once a majority is connected a short wait is enough: a leader that lives
/// speaks at once to a node that came up.
void RaftCore::hasten_when_connected() {
  const bool waits = role_ == Role::follower || role_ == Role::pre_candidate;
  if (!waits || heard_any_leader_ || !leader_.is_none() || !may_campaign()) {
    return;
  }
  const auto connected = [this](NodeId node) {
    return node == config_.self || links_.is_up(node) ? quorum::Answer::granted : quorum::Answer::none;
  };
  if (quorum::outcome_of(voters(), connected) == quorum::Outcome::won) {
    trace(Branch::connected_hastens_election, hard_.term.value());
    output_.set_timer(TimerKind::election, config_.heartbeat_interval / 2, 2 * config_.heartbeat_interval);
  }
}

// ---- roles ----------------------------------------------------------------------------------------------

void RaftCore::change_role(Role role, NodeId leader, RoleCause cause) {
  QUORATE_ASSERT(is_role_transition(role_, role), "a change of role is one of the table's", role_, role,
                 words_of(cause));
  const Role from = std::exchange(role_, role);
  const bool is_new_leader = leader != std::exchange(leader_, leader);
  if (role != Role::leader && lead_) {
    emit(CancelTimer{TimerKind::heartbeat});
  }
  if (from != role || is_new_leader) {
    drop_reads();
    emit(RoleChanged{.from = from, .to = role, .tag = hard_.term, .leader = leader, .why = words_of(cause)});
  }
  if (role != Role::leader) {
    lead_.reset();
  }
  if (role != Role::candidate && role != Role::pre_candidate) {
    campaign_.reset();
  }
}

/// In the current term. `leader` none: unknown.
void RaftCore::become_follower(NodeId leader, RoleCause cause) {
  change_role(may_campaign() ? Role::follower : Role::learner, leader, cause);
}

void RaftCore::adopt_term(Tag term, NodeId leader, RoleCause cause) {
  QUORATE_ASSERT(term > hard_.term, "terms rise", term, hard_.term);
  trace(Branch::higher_term_adopted, hard_.term.value(), term.value());
  hard_ = {term, NodeId()};
  write_state();
  verified_ = commit_;  // another leader, another log: only what is committed is known to be in it
  leader_commit_ = Position();
  become_follower(leader, cause);
  expect_leader(LeaderSign::none);
}

void RaftCore::campaign() {
  if (is_damaged()) {
    trace(Branch::damaged_waits_for_leader, hard_.term.value());
    become_follower(NodeId(), RoleCause::silence);
    expect_leader(LeaderSign::none);
    return;
  }
  if (config_.pre_vote && !is_sole_voter()) {
    become_pre_candidate();
  } else {
    become_candidate(false);
  }
}

void RaftCore::become_pre_candidate() {
  trace(Branch::pre_vote_started, hard_.term.value());
  change_role(Role::pre_candidate, NodeId(), RoleCause::silence);
  campaign_.emplace();
  expect_leader(LeaderSign::none);
  ask_for_votes(PreVoteRequest{.term = hard_.term.next(), .last = log_.last()});
  count_vote(config_.self, true, uncertain_tail_);
}

void RaftCore::become_candidate(bool by_transfer) {
  hard_ = {hard_.term.next(), config_.self};
  trace(Branch::campaign_started, hard_.term.value());
  write_state();
  verified_ = commit_;
  change_role(Role::candidate, NodeId(), by_transfer ? RoleCause::handed_over : RoleCause::would_be_elected);
  campaign_.emplace();
  campaign_->by_transfer = by_transfer;
  campaign_->own_vote = output_.state_write();
  expect_leader(LeaderSign::none);
  ask_for_votes(VoteRequest{.term = hard_.term, .last = log_.last(), .by_transfer = by_transfer});
}

void RaftCore::become_leader() {
  trace(Branch::leader_elected, hard_.term.value());
  emit(CancelTimer{TimerKind::election});
  change_role(Role::leader, config_.self, RoleCause::elected);
  leader_sign_ = LeaderSign::none;
  heard_any_leader_ = true;
  uncertain_tail_ = false;
  lead_.emplace();
  for (const NodeId node : membership().all_nodes()) {
    if (node != config_.self) {
      lead_->followers.emplace_back(node, log_.last_position().next());
    }
  }
  verified_ = log_.last_position();
  start_heartbeats();
  append_noop();
}

// ---- asking for votes -----------------------------------------------------------------------------------

void RaftCore::ask_for_votes(const Message& question, Io after) {
  const Buffer bytes = encode(question);
  for (const NodeId node : membership().all_nodes()) {
    if (node != config_.self && membership().is_voter(node)) {
      output_.send(node, bytes, std::nullopt, after);
    }
  }
}

/// The own vote counts like any other: once it is durable.
void RaftCore::count_own_vote() {
  campaign_->own_vote = Io();
  count_vote(config_.self, true, uncertain_tail_);
}

void RaftCore::count_vote(NodeId from, bool granted, bool conditional) {
  campaign_->votes.record(from, granted);
  if (!granted || !conditional) {
    campaign_->firm_votes.record(from, granted);
  }
  check_campaign();
}

void RaftCore::check_campaign() {
  const bool is_firm = campaign_->firm_votes.outcome(voters()) == quorum::Outcome::won;
  const bool is_unanimous = campaign_->votes.is_unanimous(voters());
  if (is_firm || is_unanimous) {
    if (!is_firm) {
      // All voters have answered: no log is longer than this one, whatever the damaged ones have lost.
      trace(Branch::elected_unanimously, hard_.term.value());
    }
    if (role_ == Role::pre_candidate) {
      become_candidate(false);
    } else {
      become_leader();
    }
    return;
  }
  if (role_ == Role::pre_candidate && campaign_->votes.outcome(voters()) == quorum::Outcome::lost) {
    trace(Branch::pre_vote_lost, hard_.term.value());
    become_follower(NodeId(), RoleCause::would_not_be_elected);
    return;
  }
  if (role_ == Role::candidate) {
    retry_split_vote();
  }
}

/// Every voter that can be reached has answered and it was not enough: somebody else campaigned at the same time.
/// Waiting a whole time-out helps nobody; without pre-vote it could depose, so then the long wait stays.
void RaftCore::retry_split_vote() {
  if (!config_.pre_vote || !campaign_->own_vote.is_none()) {
    return;
  }
  for (const NodeId node : links_.up()) {
    if (membership().is_voter(node) && campaign_->votes.answer_of(node) == quorum::Answer::none) {
      return;
    }
  }
  const bool somebody_answered = campaign_->votes.entries().size() > 1;
  if (somebody_answered) {
    trace(Branch::split_vote_retried, hard_.term.value());
    output_.set_timer(TimerKind::election, config_.heartbeat_interval / 2, 2 * config_.heartbeat_interval);
  }
}

// ---- voting ---------------------------------------------------------------------------------------------

/// True while this node must not help to replace a leader that it believes to live (thesis 4.2.3).
bool RaftCore::trusts_leader() const {
  return is_leader() || (!leader_.is_none() && leader_sign_ == LeaderSign::fresh);
}

/// Whoever's log ends so may lead this node's (paper 5.4.1). A damaged log counts as what it was.
bool RaftCore::is_up_to_date(const EntryId& last) const {
  const auto covers = [&last](const EntryId& own) {
    return last.tag > own.tag || (last.tag == own.tag && last.position >= own.position);
  };
  return covers(log_.last()) && (covers(loss_.end) || QUORATE_PLANT(damaged_replica_counts));
}

void RaftCore::on(NodeId from, const PreVoteRequest& message) {
  bool granted = false;
  if (!vouches()) {
    trace(Branch::vote_refused_damaged, from.value(), message.term.value());
  } else if (trusts_leader()) {
    trace(Branch::pre_vote_refused_leader_alive, from.value());
  } else if (message.term <= hard_.term) {
    trace(Branch::pre_vote_refused_old_term, from.value(), message.term.value());
  } else if (!is_up_to_date(message.last) && !QUORATE_PLANT(vote_for_shorter_log)) {
    trace(Branch::pre_vote_refused_log_behind, from.value());
  } else {
    trace(Branch::pre_vote_granted, from.value(), message.term.value());
    granted = true;
  }
  // The own term lets a node that fell behind catch up, so that it can ask with a term that wins.
  send(from, PreVoteResponse{
                 .term = hard_.term, .requested = message.term, .granted = granted, .conditional = uncertain_tail_});
}

void RaftCore::on(NodeId from, const PreVoteResponse& message) {
  if (role_ != Role::pre_candidate || message.requested != hard_.term.next()) {
    trace(Branch::stale_vote_ignored, from.value(), message.requested.value());
    return;
  }
  count_vote(from, message.granted, message.conditional);
}

void RaftCore::on(NodeId from, const VoteRequest& message) {
  if (message.term > hard_.term) {
    if (config_.check_quorum && !message.by_transfer && trusts_leader()) {
      trace(Branch::vote_ignored_leader_alive, from.value(), message.term.value());
      return;
    }
    adopt_term(message.term, NodeId(), RoleCause::higher_campaign);
  }
  bool granted = false;
  if (message.term < hard_.term) {
    trace(Branch::stale_message_ignored, from.value(), message.term.value());
  } else if (!vouches()) {
    trace(Branch::vote_refused_damaged, from.value(), message.term.value());
  } else if (hard_.vote == from) {
    trace(Branch::vote_repeated, from.value(), hard_.term.value());
    granted = true;
  } else if ((!hard_.vote.is_none() || !leader_.is_none()) && !QUORATE_PLANT(vote_given_twice)) {
    trace(Branch::vote_refused_already_voted, from.value(), hard_.term.value());
  } else if (!is_up_to_date(message.last) && !QUORATE_PLANT(vote_for_shorter_log)) {
    trace(Branch::vote_refused_log_behind, from.value(), hard_.term.value());
  } else {
    trace(uncertain_tail_ ? Branch::vote_granted_conditionally : Branch::vote_granted, from.value(),
          hard_.term.value());
    granted = true;
    hard_.vote = from;
    write_state();
    expect_leader(LeaderSign::none);
  }
  const Io written = output_.state_write();
  if (QUORATE_PLANT(vote_not_persisted)) {
    output_.plant_state_write(Io());  // the reply leaves before the vote is durable
  }
  send(from, VoteResponse{.term = hard_.term, .granted = granted, .conditional = uncertain_tail_});
  output_.plant_state_write(written);
}

void RaftCore::on(NodeId from, const VoteResponse& message) {
  const bool is_stale = message.term != hard_.term && !QUORATE_PLANT(stale_vote_counted);
  if (role_ != Role::candidate || is_stale) {
    trace(Branch::stale_vote_ignored, from.value(), message.term.value());
    return;
  }
  count_vote(from, message.granted, message.conditional);
}

}  // namespace quorate::raft
