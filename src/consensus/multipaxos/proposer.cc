// Phase 1: a ballot of one's own, the promises of a quorum for every slot from the first that is not known to be
// decided, and what follows from what they tell ("Paxos Made Simple", sections 2.2 and 3).

#include <algorithm>
#include <utility>

#include "base/assert.h"
#include "base/plant.h"
#include "consensus/multipaxos/core.h"

namespace quorate::multipaxos {

using namespace consensus;  // NOLINT(google-build-using-namespace)

namespace {

/// In a Promiser's set of reported slots every run has this tag.
constexpr Tag kReported{1};

}  // namespace

// ---- asking ---------------------------------------------------------------------------------------------

void MultiPaxosCore::prepare(bool by_transfer) {
  state_.promised = next_ballot(state_.promised, config_.self);
  state_.proposer = config_.self;
  write_state();
  watermark_ = chosen_;
  learning_.reset();
  change_role(Role::candidate, NodeId(), by_transfer ? RoleCause::handed_over : RoleCause::would_be_heeded);
  expect_leader(LeaderSign::none);
  campaign_.emplace();
  campaign_->ballot = state_.promised;
  campaign_->by_transfer = by_transfer;
  campaign_->own_promise = output_.state_write();
  begin_phase_1();
}

/// For the voters that decide on the first open slot. If that changes it begins again, in the same ballot.
void MultiPaxosCore::begin_phase_1() {
  campaign_->first = commit_.next();
  campaign_->promisers.clear();
  campaign_->found.clear();
  campaign_->answers.clear();
  for (const NodeId node : voters()) {
    if (node != config_.self) {
      campaign_->promisers.push_back(Promiser(node));
    }
  }
  trace(Branch::prepare_started, round(), campaign_->first.value());
  ask_promises(false);
  output_.set_timer(TimerKind::retry, config_.heartbeat_interval, config_.heartbeat_interval);
}

/// `again`: only of those who have not told everything, and from there on.
void MultiPaxosCore::ask_promises(bool again) {
  for (const Promiser& promiser : campaign_->promisers) {
    if (again && is_complete(promiser)) {
      continue;
    }
    const Position first = std::max(campaign_->first, promiser.reported.end_from(campaign_->first).next());
    if (again) {
      trace(Branch::promise_asked_again, promiser.node.value(), first.value());
    }
    send(promiser.node, Prepare{.ballot = state_.promised, .first = first, .by_transfer = campaign_->by_transfer});
  }
}

void MultiPaxosCore::on_retry_timer() {
  if (!is_preparing()) {
    return;
  }
  ask_promises(true);
  if (learning_) {
    keep_learning();
  }
  output_.set_timer(TimerKind::retry, config_.heartbeat_interval, config_.heartbeat_interval);
}

// ---- answers --------------------------------------------------------------------------------------------

/// In order of nodes. Who is no voter may answer, too; it does not count.
Promiser& MultiPaxosCore::promiser_of(NodeId node) {
  std::vector<Promiser>& all = campaign_->promisers;
  const auto at = std::ranges::lower_bound(all, node, {}, &Promiser::node);
  if (at != all.end() && at->node == node) {
    return *at;
  }
  return *all.insert(at, Promiser(node));
}

void MultiPaxosCore::on(NodeId from, const Promise& message) {
  if (!is_preparing() || message.first < campaign_->first) {
    trace(Branch::promise_late, from.value(), Ballot::of(message.ballot).round);
    return;
  }
  Promiser& promiser = promiser_of(from);
  promiser.has_told = true;
  promiser.conditional = message.conditional;
  promiser.decided = std::max(promiser.decided, message.decided);
  promiser.last = std::max(promiser.last, message.last);
  if (message.decided >= campaign_->first) {
    // Not told in runs, but it can be asked for.
    promiser.reported.set(campaign_->first, message.decided, kReported);
  }
  check_phase_1();
}

void MultiPaxosCore::on(NodeId from, const PromisedRun& message, Entries entries) {
  const Position first = entries.empty() ? Position() : entries.front().id.position;
  if (!are_plausible(first, entries, message.ballot) || message.accepted > message.ballot ||
      message.accepted < message.tag || message.after >= first) {
    trace(Branch::malformed_message, from.value(), entries.size());
    return;
  }
  if (!is_preparing() || message.after < campaign_->first.previous()) {
    trace(Branch::promise_late, from.value(), Ballot::of(message.ballot).round);
    return;
  }
  if (const auto other = std::ranges::find_if(entries, [&](const Entry& one) { return one.id.tag != message.tag; });
      other != entries.end()) {
    // Replaced while the message waited: who did so has promised more.
    trace(Branch::stale_message_ignored, from.value(), Ballot::of(message.ballot).round);
    return;
  }
  for (const Entry& entry : entries) {
    Found& found = campaign_->found[entry.id.position];
    const bool is_higher = QUORATE_PLANT(wrong_value_in_phase_1)
                               ? found.accepted.is_none() || message.accepted < found.accepted
                               : message.accepted > found.accepted;
    if (is_higher) {
      found = {message.accepted, entry};
    }
  }
  promiser_of(from).reported.set(message.after.next(), entries.back().id.position, kReported);
  check_phase_1();
}

/// The ballot that it names was adopted when it came: whoever lost a duel waits a random time-out before it asks again,
/// so that one of the duellists gets through (P-04).
void MultiPaxosCore::on(NodeId from, const Refused& message) {
  trace(Branch::refusal_heard, from.value(), Ballot::of(message.asked).round);
}

// ---- enough? --------------------------------------------------------------------------------------------

/// It has promised, and told all that it has accepted and does not know to be decided.
bool MultiPaxosCore::is_complete(const Promiser& promiser) const {
  return promiser.has_told && promiser.reported.end_from(campaign_->first) >= promiser.last;
}

bool MultiPaxosCore::has_promised(NodeId node, bool firmly) const {
  if (node == config_.self) {
    return campaign_->own_promise.is_none() && !(firmly && is_uncertain());
  }
  const auto at = std::ranges::lower_bound(campaign_->promisers, node, {}, &Promiser::node);
  return at != campaign_->promisers.end() && at->node == node && is_complete(*at) && !(firmly && at->conditional);
}

void MultiPaxosCore::check_phase_1() {
  if (is_preparing() && commit_ < chosen_ && !QUORATE_PLANT(led_by_promises_of_before)) {
    advance_commit();  // first: it may change who decides, and what has been promised counts no more
  }
  if (!is_preparing()) {
    return;
  }
  const auto count = [this](bool firmly) {
    return static_cast<std::size_t>(
        std::ranges::count_if(voters(), [&](NodeId node) { return has_promised(node, firmly); }));
  };
  const bool is_firm = count(true) >= needed(Phase::one, voters().size());
  const bool is_skipped = QUORATE_PLANT(phase_1_skipped) && heard_any_leader_ && campaign_->own_promise.is_none();
  if (!is_firm && count(false) < voters().size() && !is_skipped) {
    return;
  }
  if (learn_what_promisers_know()) {
    return;
  }
  if (!is_firm) {
    // All voters have told: whatever the damaged ones have lost, nothing that was accepted anywhere is unknown.
    trace(Branch::elected_unanimously, round());
  }
  lead();
}

/// True while something is missing: what somebody knows to be decided is not proposed again, but learned.
bool MultiPaxosCore::learn_what_promisers_know() {
  const Promiser* furthest = nullptr;
  for (const Promiser& promiser : campaign_->promisers) {
    if (promiser.decided > commit_ && (furthest == nullptr || promiser.decided > furthest->decided)) {
      furthest = &promiser;
    }
  }
  if (furthest == nullptr) {
    if (commit_ < chosen_ && QUORATE_PLANT(led_by_promises_of_before)) {
      advance_commit();
    }
    return commit_ < chosen_;  // waits for the own note
  }
  if (furthest->decided > chosen_ && (!learning_ || learning_->target < furthest->decided)) {
    trace(Branch::promise_lacks_decided, furthest->node.value(), furthest->decided.value());
    ask_decided(furthest->node, furthest->decided);
  }
  return true;
}

// ---- leading --------------------------------------------------------------------------------------------

void MultiPaxosCore::lead() {
  const Position first = commit_.next();
  trace(Branch::proposer_elected, round(), first.value());
  emit(CancelTimer{TimerKind::election});
  emit(CancelTimer{TimerKind::retry});
  Position last = std::max(commit_, log_.last());
  for (const Promiser& promiser : campaign_->promisers) {
    last = std::max(last, promiser.last);
  }
  if (!campaign_->found.empty()) {
    last = std::max(last, campaign_->found.rbegin()->first);
  }
  lead_.emplace();
  lead_->first = first;
  lead_->last = last;
  propose_found();
  heard_any_leader_ = true;
  learning_.reset();
  campaign_.reset();
  if (!lead_->change) {
    trust_own_log();  // what a quorum knows is here now
    change_role(Role::leader, config_.self, RoleCause::promised);
    leader_sign_ = LeaderSign::none;
    lead_->own_from = lead_->last.next();
    put({.id = {lead_->own_from, state_.promised}, .kind = EntryKind::noop, .payload = {}});
    lead_->last = lead_->own_from;
  }
  follow_members();
  finish_own_write(first, lead_->last);
  start_heartbeats();
}

/// At each open slot the value that was accepted in the highest ballot, a no-op where none was (P-03). All are accepted
/// here, in the own ballot, by one write. Behind a change of the membership others decide: until it is committed, and
/// all is prepared anew, this is no leader.
void MultiPaxosCore::propose_found() {
  const Position end = lead_->last;
  for (Position slot = lead_->first; slot <= end; slot = slot.next()) {
    const Tag own = log_.accepted_at(slot);
    const auto found = campaign_->found.find(slot);
    const bool is_ignored = QUORATE_PLANT(noop_over_chosen) && own.is_none();
    if (found != campaign_->found.end() && found->second.accepted > own && !is_ignored) {
      trace(Branch::value_adopted, slot.value(), Ballot::of(found->second.accepted).round);
      put(found->second.entry);
    } else if (own.is_none()) {
      trace(Branch::gap_filled, slot.value());
      put({.id = {slot, state_.promised}, .kind = EntryKind::noop, .payload = {}});
    }
    if (changes_.contains(slot)) {
      trace(Branch::change_found, slot.value());
      lead_->change = slot;
      lead_->last = slot;
      break;
    }
  }
  if (lead_->last >= lead_->first) {
    log_.vote(lead_->first, lead_->last, state_.promised);
    write_state();
  }
}

}  // namespace quorate::multipaxos
