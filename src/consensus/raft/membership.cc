// Changing who takes part (thesis 4): one voter at a time by a single entry, several through the joint state, which the
// leader leaves by itself. A change is used from the moment when it is in the log (I-21).

#include <algorithm>
#include <utility>

#include "base/plant.h"
#include "consensus/contract/membership_codec.h"
#include "consensus/contract/membership_rules.h"
#include "consensus/raft/core.h"

namespace quorate::raft {

using namespace consensus;  // NOLINT(google-build-using-namespace)

void RaftCore::handle(const Reconfigure& input) {
  const ReconfigureRefusal refusal = why_not_reconfigure(input.target);
  if (refusal != ReconfigureRefusal::none) {
    trace(Branch::reconfiguration_refused, static_cast<std::uint64_t>(refusal));
    emit(Dropped{input.context, Dropped::Outcome::never, refusal});
    return;
  }
  Membership next = input.target;
  // Majorities of two sets that differ by one voter share a node (thesis 4.1).
  if (voters_changed(membership(), next) > 1) {
    trace(Branch::joint_state_entered, log_.last_position().next().value());
    next.outgoing_voters = membership().voters;
  }
  emit(Placed{input.context, {log_.last_position().next(), hard_.term}});
  append_membership(std::move(next), input.contacts);
}

ReconfigureRefusal RaftCore::why_not_reconfigure(const Membership& target) const {
  if (!lead_ || lead_->transfer) {
    return ReconfigureRefusal::not_leader;
  }
  if (!is_valid_target(target)) {
    return ReconfigureRefusal::invalid_target;
  }
  // A leader of an earlier term may have placed another change that this one does not know: two changes, each one voter
  // away from the same membership, would have majorities without a common node (M-01). An own entry rules that out.
  if (log_.tag_at(commit_) != hard_.term && !QUORATE_PLANT(membership_before_own_term)) {
    return ReconfigureRefusal::no_own_entry_committed;
  }
  if (memberships_.latest().id.position > commit_ || membership().is_joint()) {
    return ReconfigureRefusal::change_under_way;  // M-03
  }
  if (!std::ranges::all_of(target.voters, [this](NodeId node) { return is_ready_to_vote(node); })) {
    return ReconfigureRefusal::learner_behind;
  }
  if (!can_commit_among(target.voters)) {
    return ReconfigureRefusal::voters_in_repair;
  }
  return ReconfigureRefusal::none;
}

/// Those of `voters` who are not known to count for nothing (repair.cc) are a majority.
bool RaftCore::can_commit_among(const std::vector<NodeId>& voters) const {
  const auto counted = std::ranges::count_if(voters, [this](NodeId node) {
    const Progress* follower = find_follower(node);
    return follower == nullptr || follower->counts;
  });
  return static_cast<std::size_t>(counted) >= quorum::majority_of(voters.size());
}

/// A learner becomes a voter only when one window brings it level: else a majority might wait for it (M-12).
bool RaftCore::is_ready_to_vote(NodeId node) const {
  if (!std::ranges::binary_search(membership().learners, node) || membership().is_voter(node)) {
    return true;
  }
  const Progress* learner = find_follower(node);
  return learner != nullptr && learner->mode() == Progress::Mode::replicate &&
         learner->match().value() + config_.window_entries >= commit_.value();
}

void RaftCore::append_membership(Membership next, std::vector<Contact> contacts) {
  const EntryId id{log_.last_position().next(), hard_.term};
  output_.write().emplace_back(
      Put{{.id = id, .kind = EntryKind::configuration, .payload = encode_configuration({next, contacts})}});
  log_.append(hard_.term);
  memberships_.add(std::move(next), id);
  emit(ConfigurationChanged{.membership = membership(), .id = id, .committed = false, .contacts = std::move(contacts)});
  follow_new_members();
  finish_own_append();
}

/// Who is new gets the log from now on. Who leaves gets it until the change is committed, so that it learns of it.
void RaftCore::follow_new_members() {
  std::vector<Progress>& followers = lead_->followers;
  const bool was_alone = followers.empty();
  for (const NodeId node : membership().all_nodes()) {
    if (node != config_.self && find_follower(node) == nullptr) {
      const auto at = std::ranges::lower_bound(followers, node, {}, &Progress::node);
      // It starts where this entry stands; its first answer tells where its log ends.
      followers.insert(at, Progress(node, log_.last_position()));
    }
  }
  if (was_alone) {
    start_heartbeats();
  }
}

/// Whoever leaves may still be needed to decide on just that: until the change is committed it campaigns, without a
/// vote of its own (thesis 4.2.2). A log that holds a change holds only committed ones before it.
bool RaftCore::may_campaign() const {
  const EntryId& latest = memberships_.latest().id;
  return is_voter() ||
         (latest.position > commit_ && memberships_.at(latest.position.previous()).membership.is_voter(config_.self));
}

/// At the end of each step, when nobody holds on to a follower: what follows from a change that was committed.
void RaftCore::follow_up_on_membership() {
  if (role_ != Role::learner && !lead_ && !may_campaign()) {
    become_follower(leader_, RoleCause::vote_lost);
    return;
  }
  if (!lead_ || memberships_.latest().id.position > commit_ ||
      lead_->settled_membership == memberships_.latest().id.position) {
    return;
  }
  if (log_.tag_at(commit_) != hard_.term) {
    return;  // an earlier leader's: this one acts when it has committed an entry of its own
  }
  lead_->settled_membership = memberships_.latest().id.position;
  part_with_removed_members();
  if (membership().is_joint()) {
    trace(Branch::joint_state_left, log_.last_position().next().value());
    append_membership({.voters = membership().voters, .outgoing_voters = {}, .learners = membership().learners}, {});
  } else if (!is_voter()) {
    trace(Branch::removed_leader_retires, hard_.term.value());
    begin_transfer(furthest_voter());
  }
}

/// The last word to a member that left: that it did. If it is lost, the others do not listen to it (pre-vote).
void RaftCore::part_with_removed_members() {
  std::erase_if(lead_->followers, [this](const Progress& follower) {
    const NodeId node = follower.node();
    if (membership().contains(node)) {
      return false;
    }
    trace(Branch::member_left, node.value(), follower.match().value());
    if (follower.commit_sent < commit_) {
      send(node, CommitNotice{.term = hard_.term, .commit = commit_});
    }
    return true;
  });
  if (lead_->transfer && find_follower(lead_->transfer->to) == nullptr) {
    lead_->transfer.reset();
  }
}

/// A membership was taken over from the leader, or taken back with its entry.
void RaftCore::use_membership(RoleCause cause) {
  const bool had_no_vote = role_ == Role::learner;
  become_follower(leader_, cause);
  if (had_no_vote && may_campaign()) {
    expect_leader(leader_sign_);  // until now it had no reason to campaign (M-05)
  }
}

}  // namespace quorate::raft
