// Changing who takes part: one slot decides it, a quorum of those who decide now and one of those who will must accept
// it, and nothing is proposed behind it before it is committed. So each slot has one set of voters, which everybody
// knows who proposes there (docs/decisions/multipaxos.md has the argument).

#include <algorithm>
#include <utility>

#include "base/assert.h"
#include "base/plant.h"
#include "consensus/contract/membership_codec.h"
#include "consensus/contract/membership_rules.h"
#include "consensus/multipaxos/core.h"

namespace quorate::multipaxos {

using namespace consensus;  // NOLINT(google-build-using-namespace)

void MultiPaxosCore::handle(const Reconfigure& input) {
  const ReconfigureRefusal refusal = why_not_reconfigure(input.target);
  if (refusal != ReconfigureRefusal::none) {
    trace(Branch::reconfiguration_refused, static_cast<std::uint64_t>(refusal));
    emit(Dropped{input.context, Dropped::Outcome::never, refusal});
    return;
  }
  const Position slot = lead_->last.next();
  emit(Placed{input.context, {slot, state_.promised}});
  lead_->change = slot;
  lead_->last = slot;
  put({.id = {slot, state_.promised},
       .kind = EntryKind::configuration,
       .payload = encode_configuration({input.target, input.contacts})});
  follow_members();
  finish_own_write(slot, slot);
}

ReconfigureRefusal MultiPaxosCore::why_not_reconfigure(const Membership& target) const {
  if (!is_leader() || lead_->transfer) {
    return ReconfigureRefusal::not_leader;
  }
  if (!is_valid_target(target) || !are_numbers_distinct(target)) {
    return ReconfigureRefusal::invalid_target;
  }
  if (!quorums_fit(target)) {
    return ReconfigureRefusal::quorums_do_not_fit;
  }
  if (lead_->change) {
    return ReconfigureRefusal::change_under_way;  // M-03
  }
  if (!has_committed_own()) {
    return ReconfigureRefusal::no_own_entry_committed;
  }
  if (!std::ranges::all_of(target.voters, [this](NodeId node) { return is_ready_to_vote(node); })) {
    return ReconfigureRefusal::learner_behind;
  }
  return ReconfigureRefusal::none;
}

/// The quorums of the two phases share a voter (P-12). It is enough that they do in each membership for itself: only
/// the slot of a change is decided by two, and each must accept it by its own phase-2 quorum.
bool MultiPaxosCore::quorums_fit(const Membership& membership) const {
  return config_.quorum_sizes.fit(membership.voters.size()) || QUORATE_PLANT(quorums_do_not_intersect);
}

/// No two members, new or old, have the same number in ballots.
bool MultiPaxosCore::are_numbers_distinct(const Membership& target) const {
  std::vector<std::uint32_t> numbers;
  for (const auto* nodes : {&target.voters, &target.learners}) {
    std::ranges::transform(*nodes, std::back_inserter(numbers), &number_of);
  }
  for (const NodeId node : membership().all_nodes()) {
    if (!target.contains(node)) {
      numbers.push_back(number_of(node));
    }
  }
  std::ranges::sort(numbers);
  return std::ranges::adjacent_find(numbers) == numbers.end();
}

/// A learner becomes a voter only when one window brings it level: else a quorum might wait for it (M-12).
bool MultiPaxosCore::is_ready_to_vote(NodeId node) const {
  if (!std::ranges::binary_search(membership().learners, node) || membership().is_voter(node)) {
    return true;
  }
  const Follower* learner = find_follower(node);
  return learner != nullptr && learner->has_told() &&
         learner->match().value() + config_.window_entries >= commit_.value();
}

// ---- in the log -----------------------------------------------------------------------------------------

/// A slot got a value that is a change of the membership, or is none any more.
void MultiPaxosCore::take_change(const Entry& entry) {
  const Position slot = entry.id.position;
  if (entry.kind == EntryKind::configuration) {
    std::optional<Configuration> change = decode_configuration(entry.payload.view());
    QUORATE_ASSERT(change.has_value(), "checked before anything was written", slot);
    trace(Branch::change_accepted, slot.value());
    emit(ConfigurationChanged{
        .membership = change->membership, .id = entry.id, .committed = false, .contacts = change->contacts});
    changes_[slot] = {entry.id.tag, std::move(*change)};
    return;
  }
  trace(Branch::change_replaced, slot.value());
  changes_.erase(slot);
  const MembershipHistory::Version& latest = memberships_.latest();
  emit(ConfigurationChanged{.membership = latest.membership, .id = latest.id, .committed = true, .contacts = {}});
}

const Membership& MultiPaxosCore::coming_membership() const {
  return lead_ && lead_->change ? changes_.at(*lead_->change).configuration.membership : membership();
}

// ---- committed ------------------------------------------------------------------------------------------

/// It is noted here; and a leader waits until so many of the new voters have noted it that every later phase 1 among
/// them hears of it. Only then those who leave may go.
bool MultiPaxosCore::may_commit_change(Position slot) const {
  if (!lead_) {
    return noted_ >= slot;
  }
  const Membership& next = changes_.at(slot).configuration.membership;
  const auto has_noted = [&](NodeId node) {
    const Follower* follower = node == config_.self ? nullptr : find_follower(node);
    return node == config_.self ? noted_ >= slot : follower != nullptr && follower->noted >= slot;
  };
  const std::ptrdiff_t count = std::ranges::count_if(next.voters, has_noted);
  return static_cast<std::size_t>(count) >= needed(Phase::two, next.voters.size()) &&
         (noted_ >= slot || !next.is_voter(config_.self));
}

/// Changes in slots behind `before` up to commit_ are in force from now on.
void MultiPaxosCore::adopt_changes(Position before) {
  bool has_changed = false;
  while (!changes_.empty() && changes_.begin()->first <= commit_) {
    const auto change = changes_.extract(changes_.begin());
    if (change.key() <= before) {
      continue;
    }
    const EntryId id{change.key(), change.mapped().tag};
    memberships_.add(std::move(change.mapped().configuration.membership), id);
    emit(ConfigurationChanged{.membership = membership(), .id = id, .committed = true, .contacts = {}});
    has_changed = true;
  }
  if (has_changed) {
    use_membership();
  }
}

void MultiPaxosCore::use_membership() {
  if (lead_) {
    const bool must_prepare = lead_->own_from.is_none();
    lead_->change.reset();
    part_with_removed_members();
    if (must_prepare) {
      // What stood behind the change was proposed under it, perhaps accepted by others than those who have promised.
      trace(Branch::prepared_again, round());
      become_follower(NodeId(), RoleCause::members_changed);
      if (is_voter()) {
        prepare(true);
      }
    } else if (!is_voter()) {
      trace(Branch::removed_leader_retires, round());
      if (const NodeId successor = furthest_voter(); !successor.is_none()) {
        begin_transfer(successor);
      }
    }
    return;
  }
  if (!is_voter()) {
    if (role_ != Role::learner) {
      become_follower(leader_, RoleCause::vote_lost);
    }
  } else if (role_ == Role::learner) {
    become_follower(leader_, RoleCause::members_changed);
    expect_leader(leader_sign_);  // until now it had no reason to ask (M-05)
  } else if (is_preparing()) {
    trace(Branch::prepared_again, round());
    begin_phase_1();
  }
}

/// Who is new gets everything from now on. Who leaves gets it until the change is committed.
void MultiPaxosCore::follow_members() {
  std::vector<Follower>& followers = lead_->followers;
  for (const Membership* members : {&membership(), &coming_membership()}) {
    for (const NodeId node : members->all_nodes()) {
      if (node != config_.self && find_follower(node) == nullptr) {
        const auto at = std::ranges::lower_bound(followers, node, {}, &Follower::node);
        followers.insert(at, Follower(node, std::max(lead_->first, chosen_.next())));
      }
    }
  }
}

void MultiPaxosCore::part_with_removed_members() {
  std::erase_if(lead_->followers, [this](const Follower& follower) {
    if (membership().contains(follower.node())) {
      return false;
    }
    trace(Branch::member_left, follower.node().value());
    return true;
  });
  if (lead_->transfer && find_follower(lead_->transfer->to) == nullptr) {
    lead_->transfer.reset();
  }
}

}  // namespace quorate::multipaxos
