// The acceptor: what it promises, what it accepts ("Paxos Made Simple", section 2.2).

#include <algorithm>
#include <utility>

#include "base/assert.h"
#include "base/plant.h"
#include "consensus/contract/membership_codec.h"
#include "consensus/multipaxos/core.h"

namespace quorate::multipaxos {

using namespace consensus;  // NOLINT(google-build-using-namespace)

// ---- promises -------------------------------------------------------------------------------------------

void MultiPaxosCore::on(NodeId from, const Prepare& message) {
  const std::uint64_t asked = Ballot::of(message.ballot).round;
  if (is_damaged()) {
    // It cannot tell what it has accepted. Not even all promises together would: others may be damaged too.
    trace(Branch::damaged_promises_nothing, from.value(), asked);
    return;
  }
  if (message.ballot > state_.promised) {
    if (config_.check_quorum && !message.by_transfer && trusts_leader()) {
      trace(Branch::prepare_ignored_leader_alive, from.value(), asked);
      return;
    }
    const Io written = output_.state_write();
    adopt_ballot(message.ballot, NodeId(), RoleCause::higher_prepare);
    state_.proposer = from;
    write_state();
    trace(is_uncertain() ? Branch::promise_given_conditionally : Branch::promise_given, from.value(), asked);
    if (QUORATE_PLANT(promise_forgotten)) {
      // The promise is told, but what is written is the one before.
      std::erase_if(output_.write(), [](const PersistOp& op) { return std::holds_alternative<SetState>(op); });
      output_.plant_state_write(written);
    }
    promise(from, message.first);
    return;
  }
  if (message.ballot == state_.promised && (state_.proposer.is_none() || state_.proposer == from) &&
      leader_.is_none()) {
    trace(Branch::promise_repeated, from.value(), asked);
    promise(from, message.first);
    return;
  }
  trace(Branch::prepare_refused, from.value(), asked);
  send(from, Refused{.ballot = state_.promised, .asked = message.ballot});
}

/// Tells what was accepted from `first` on: what is known to be decided can be asked for, the rest follows in runs. A
/// decided value that may not be told as such counts as accepted in the highest ballot: no other can be proposed any
/// more.
void MultiPaxosCore::promise(NodeId to, Position first) {
  const Position decided = decided_told_to(to);
  QUORATE_ASSERT(decided >= log_.discarded().position || QUORATE_PLANT(cut_slots_told_open),
                 "slots that are not in the log any more are told to be decided", decided, log_.discarded().position);
  send(to, Promise{.ballot = state_.promised,
                   .first = first,
                   .decided = decided,
                   .last = log_.last(),
                   .conditional = is_uncertain()});
  Position after = std::max(first.previous(), decided);
  for (std::optional<SlotLog::Segment> run = log_.segment_from(after.next()); run;
       run = log_.segment_from(after.next())) {
    const bool is_decided = run->first <= commit_;
    const std::uint64_t room = run->first.value() + config_.max_entries_per_message - 1;
    const Position end(std::min({run->last.value(), room, is_decided ? commit_.value() : room}));
    output_.send(to,
                 encode(PromisedRun{.ballot = state_.promised,
                                    .after = after,
                                    .tag = run->tag,
                                    .accepted = is_decided ? state_.promised : run->accepted}),
                 Attach{.first = run->first, .last = end, .last_tag = run->tag});
    after = end;
  }
}

// ---- acceptances ----------------------------------------------------------------------------------------

bool MultiPaxosCore::follow(NodeId from) {
  if (is_leader() || (!state_.proposer.is_none() && state_.proposer != from)) {
    trace(Branch::unexpected_proposer, from.value(), round());
    return false;
  }
  if (leader_ != from || campaign_) {
    state_.proposer = from;
    become_follower(from, RoleCause::leader_heard);
  }
  hear_leader();
  return true;
}

void MultiPaxosCore::on(NodeId from, const Accept& message, Entries entries) {
  const Position first = entries.empty() ? Position() : entries.front().id.position;
  if (!are_plausible(first, entries, message.ballot)) {
    trace(Branch::malformed_message, from.value(), entries.size());
    return;
  }
  const bool is_below_promise = message.ballot < state_.promised;
  QUORATE_ASSERT(!is_below_promise || QUORATE_PLANT(accept_below_promise), "nothing is accepted below the promise",
                 message.ballot, state_.promised);
  if (!is_below_promise && !follow(from)) {
    return;
  }
  if (const auto other = std::ranges::find_if(entries, [&](const Entry& one) { return one.id.tag != message.tag; });
      other != entries.end()) {
    // Replaced at the sender while the message waited: what it stands for is not the sender's word any more.
    trace(Branch::stale_message_ignored, from.value(), Ballot::of(message.ballot).round);
    return;
  }
  const Position last = entries.back().id.position;
  if (last.value() > commit_.value() + Follower::kMaxAhead) {
    trace(Branch::stale_message_ignored, from.value(), Ballot::of(message.ballot).round);
  } else if (accept(entries, message.tag)) {
    const Tag ballot = is_below_promise ? message.ballot : state_.promised;
    send(from, Accepted{.ballot = ballot, .first = first, .last = last},
         QUORATE_PLANT(ack_before_sync) ? Io() : log_io_);
  }
  learn_watermark(message.decided);
}

/// Dense, in order, of no tag above `highest`, and readable where the core reads them.
bool MultiPaxosCore::are_plausible(Position first, Entries entries, Tag highest) const {
  if (entries.empty() || first.is_none()) {
    return false;
  }
  for (const Entry& entry : entries) {
    const bool is_readable =
        entry.kind != EntryKind::configuration || decode_configuration(entry.payload.view()).has_value();
    if (entry.id.position != first || entry.id.tag.is_none() || entry.id.tag > highest || !is_readable) {
      return false;
    }
    first = first.next();
  }
  return true;
}

/// What is known to be decided is accepted already, in whatever ballot: every later one has the same value.
bool MultiPaxosCore::accept(Entries entries, Tag tag) {
  while (!entries.empty() && entries.front().id.position <= chosen_) {
    entries = entries.subspan(1);
  }
  while (!entries.empty() && log_.has(entries.front().id) &&
         log_.accepted_at(entries.front().id.position) == state_.promised) {
    trace(Branch::slots_already_accepted, entries.front().id.position.value());
    entries = entries.subspan(1);
  }
  if (entries.empty()) {
    return true;
  }
  const Position first = entries.front().id.position;
  const Position last = entries.back().id.position;
  for (const Entry& entry : entries) {
    if (!log_.has(entry.id) && log_.accepted_at(entry.id.position) == state_.promised) {
      trace(Branch::unexpected_proposer, state_.proposer.value(), round());
      return false;
    }
  }
  if (const Position end = log_.end_from(chosen_.next()); end < first.previous()) {
    trace(Branch::accepted_behind_hole, first.value(), end.value());
  }
  std::vector<PersistOp>& ops = output_.write();
  ops.reserve(ops.size() + entries.size());
  for (const Entry& entry : entries) {
    if (!log_.has(entry.id)) {
      put(entry);
    }
  }
  if (tag < state_.promised) {
    log_.vote(first, last, state_.promised);
    write_state();
  }
  log_io_ = output_.issued();
  constexpr std::uint64_t kNoteEvery = 256;
  if (chosen_.value() >= noted_written_.value() + kNoteEvery) {
    write_note();
  }
  return true;
}

void MultiPaxosCore::put(const Entry& entry) {
  const Position slot = entry.id.position;
  if (!log_.accepted_at(slot).is_none()) {
    trace(Branch::accepted_value_replaced, slot.value());
  }
  output_.write().emplace_back(Put{entry});
  log_.put(slot, slot, entry.id.tag);
  if (entry.kind == EntryKind::configuration || changes_.contains(slot)) {
    take_change(entry);
  }
}

/// The end of the own log was in doubt: a promise, or something accepted, may have stood there and been told. All
/// ballots that it can have been for lie below the one that was taken as promised since; so this leader's phase 1 began
/// later, and did not count on this replica. What was decided before it, or begun, is what it has decided up to its
/// first own slot: once all that is here, nothing is missing (P-06).
void MultiPaxosCore::settle_tail(Position own_from) {
  if (is_uncertain() && !own_from.is_none() && commit_ >= own_from) {
    trust_own_log();
    trace(Branch::uncertain_tail_settled, commit_.value());
  }
}

}  // namespace quorate::multipaxos
