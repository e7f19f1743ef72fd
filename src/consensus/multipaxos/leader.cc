// Phase 2: what a leader proposes, its followers' acceptances, what is chosen by them, and its regular word.

#include <algorithm>
#include <utility>

#include "base/assert.h"
#include "base/plant.h"
#include "consensus/multipaxos/core.h"

namespace quorate::multipaxos {

using namespace consensus;  // NOLINT(google-build-using-namespace)

// ---- own values -----------------------------------------------------------------------------------------

void MultiPaxosCore::handle(const Propose& input) {
  if (!is_leader() || lead_->transfer) {
    trace(Branch::proposals_refused, input.batch.size());
    for (const Proposal& proposal : input.batch) {
      emit(Dropped{proposal.context, Dropped::Outcome::never});
    }
    return;
  }
  const std::size_t room = lead_->waiting.empty() ? std::min(input.batch.size(), room_ahead()) : 0;
  const std::span<const Proposal> batch(input.batch);
  place(batch.first(room));
  if (room < batch.size()) {
    if (lead_->change) {
      trace(Branch::proposals_wait_for_change, batch.size() - room, lead_->change->value());
    } else {
      trace(Branch::ahead_limit_reached, lead_->last.value(), commit_.value());
    }
    lead_->waiting.insert(lead_->waiting.end(), batch.begin() + static_cast<std::ptrdiff_t>(room), batch.end());
  }
}

/// A leader runs so far ahead of what is decided, and not past a change of the membership (P-07).
std::size_t MultiPaxosCore::room_ahead() const {
  if (lead_->change || lead_->own_from.is_none()) {
    return 0;
  }
  const std::uint64_t limit = commit_.value() + config_.window_entries;
  return limit > lead_->last.value() ? static_cast<std::size_t>(limit - lead_->last.value()) : 0;
}

void MultiPaxosCore::place(std::span<const Proposal> batch) {
  if (batch.empty()) {
    return;
  }
  const Position first = lead_->last.next();
  output_.reserve(batch.size() + lead_->followers.size() + 2);
  std::vector<PersistOp>& ops = output_.write();
  ops.reserve(ops.size() + batch.size());
  Position slot = first;
  for (const Proposal& proposal : batch) {
    ops.emplace_back(Put{{.id = {slot, state_.promised}, .kind = EntryKind::command, .payload = proposal.payload}});
    slot = slot.next();
  }
  slot = first;
  for (const Proposal& proposal : batch) {
    emit(Placed{proposal.context, {slot, state_.promised}});
    if (Follower* waits = proposal.origin.is_none() ? nullptr : find_follower(proposal.origin); waits != nullptr) {
      waits->awaited = slot;
    }
    slot = slot.next();
  }
  lead_->last = slot.previous();
  log_.put(first, lead_->last, state_.promised);
  finish_own_write(first, lead_->last);
}

void MultiPaxosCore::place_waiting() {
  const std::size_t count = std::min(lead_->waiting.size(), room_ahead());
  if (count == 0 || lead_->transfer) {
    return;
  }
  const std::vector<Proposal> batch(lead_->waiting.begin(),
                                    lead_->waiting.begin() + static_cast<std::ptrdiff_t>(count));
  lead_->waiting.erase(lead_->waiting.begin(), lead_->waiting.begin() + static_cast<std::ptrdiff_t>(count));
  place(batch);
}

/// The followers' disks work while the own one does: an Accept does not wait for the write.
void MultiPaxosCore::finish_own_write(Position first, Position last) {
  log_io_ = output_.issued();
  lead_->own_writes.push_back({output_.issued(), first, last});
  constexpr std::uint64_t kNoteEvery = 256;
  if (chosen_.value() >= noted_written_.value() + kNoteEvery) {
    write_note();
  }
  for (Follower& follower : lead_->followers) {
    replicate_to(follower);
  }
  if (QUORATE_PLANT(leader_counts_itself_early)) {
    lead_->own_accepted.set(first, last, Tag(1));
    advance_chosen();
  }
}

// ---- Accepts --------------------------------------------------------------------------------------------

void MultiPaxosCore::replicate_to(Follower& follower) {
  const Window window{.messages = config_.window_messages, .entries = config_.window_entries};
  const Position lowest = std::max(lead_->first, log_.discarded().position.next());
  for (;;) {
    const Position slot = follower.next_to_send(lowest);
    if (slot > lead_->last) {
      return;
    }
    if (!follower.may_send(slot, window)) {
      trace(Branch::window_full, follower.node().value(), slot.value());
      return;
    }
    const std::optional<SlotLog::Segment> run = log_.segment_from(slot);
    QUORATE_ASSERT(run && run->first == slot, "a leader has accepted what it proposes", slot, lead_->last);
    const std::uint64_t room = std::min<std::uint64_t>(follower.room(window), config_.max_entries_per_message);
    const Position last(std::min({run->last.value(), lead_->last.value(), slot.value() + room - 1}));
    const Position decided = decided_for(follower);
    output_.send(follower.node(), encoded_accept(run->tag, decided),
                 Attach{.first = slot, .last = last, .last_tag = run->tag});
    follower.decided_sent = std::max(follower.decided_sent, decided);
    follower.on_sent(slot, last);
  }
}

const Buffer& MultiPaxosCore::encoded_accept(Tag tag, Position decided) {
  auto& known = lead_->last_accept;
  if (known.bytes.empty() || known.tag != tag || known.decided != decided) {
    known.tag = tag;
    known.decided = decided;
    known.bytes = encode(Accept{.ballot = state_.promised, .tag = tag, .decided = decided});
  }
  return known.bytes;
}

void MultiPaxosCore::on(NodeId from, const Accepted& message) {
  Follower* follower = lead_ ? find_follower(from) : nullptr;
  if (follower == nullptr || message.first < lead_->first || message.last > lead_->last ||
      message.first > message.last) {
    trace(Branch::stale_message_ignored, from.value(), Ballot::of(message.ballot).round);
    return;
  }
  if (!follower->on_accepted(message.first, message.last)) {
    trace(Branch::late_acceptance_ignored, from.value(), message.first.value());
  } else {
    advance_chosen();
    if (message.first > chosen_.next()) {
      trace_out_of_order(message.first);
    }
  }
  replicate_to(*follower);
  send_decided(Position());
  try_transfer();
}

// ---- what is chosen -------------------------------------------------------------------------------------

/// The last slot up to which all from `slot` on were accepted in the own ballot by a phase-2 quorum of `voters`; the
/// one before `slot` if that was not.
Position MultiPaxosCore::chosen_until(Position slot, std::span<const NodeId> voters) const {
  const auto end_of = [&](NodeId node) {
    if (node == config_.self) {
      return lead_->own_accepted.end_from(slot);
    }
    const Follower* follower = find_follower(node);
    return follower == nullptr ? slot.previous() : follower->end_from(slot);
  };
  return std::max(quorum::reached_by_count<Position>(voters, end_of, needed(Phase::two, voters.size())),
                  slot.previous());
}

/// Slot by slot the acceptors may be others: chosen is the prefix where each has a quorum. A change of the membership
/// needs one of those who decide now and one of those who will (docs/decisions/multipaxos.md).
void MultiPaxosCore::advance_chosen() {
  const Position before = chosen_;
  const Position limit = lead_->change ? lead_->change->previous() : lead_->last;
  for (Position end = chosen_; chosen_ < limit; chosen_ = end) {
    end = std::min(chosen_until(chosen_.next(), voters()), limit);
    if (end == chosen_ && QUORATE_PLANT(gap_skipped_in_commit) && chosen_.next() < limit) {
      end = std::min(chosen_until(chosen_.next().next(), voters()), limit);
      end = end == chosen_.next() ? chosen_ : end;
    }
    if (end == chosen_) {
      break;
    }
  }
  if (lead_->change && chosen_ == limit) {
    const Position slot = *lead_->change;
    if (chosen_until(slot, voters()) >= slot && chosen_until(slot, coming_membership().voters) >= slot) {
      chosen_ = slot;
    }
  }
  if (chosen_ == before) {
    return;
  }
  if (chosen_ > lead_->own_accepted.end_from(before.next())) {
    trace(Branch::chosen_before_own_write, chosen_.value());
  }
  advance_commit();
}

void MultiPaxosCore::trace_out_of_order(Position first) {
  if (chosen_until(first, voters()) >= first) {
    trace(Branch::chosen_out_of_order, first.value(), chosen_.next().value());
  }
}

/// Who gives up its vote hears that last, once those who decide from then on have noted it.
Position MultiPaxosCore::decided_for(const Follower& follower) const {
  return coming_membership().is_voter(follower.node()) ? chosen_ : commit_;
}

/// A follower answers clients of its own once it has executed: while one waits, what no Accept carries is told at once.
/// Else the word waits a moment for a message to ride on; the words of decisions up to `due` have waited.
void MultiPaxosCore::send_decided(Position due) {
  if (!lead_) {
    return;
  }
  const bool at_once = config_.commit_notice_delay == Duration::zero() || commit_ < chosen_;
  for (Follower& follower : lead_->followers) {
    const Position decided = decided_for(follower);
    if (follower.decided_sent >= decided) {
      continue;
    }
    if (!at_once && std::max(follower.awaited, due) <= follower.decided_sent) {
      arm_notice();
      continue;
    }
    trace(Branch::decide_sent, decided.value());
    follower.decided_sent = decided;
    send(follower.node(), Decide{.ballot = state_.promised, .decided = decided});
  }
}

void MultiPaxosCore::arm_notice() {
  if (lead_->notice_for.is_none() && config_.commit_notice_delay != Duration::max()) {
    trace(Branch::decide_delayed, chosen_.value());
    lead_->notice_for = chosen_;
    output_.set_timer(TimerKind::notice, config_.commit_notice_delay, config_.commit_notice_delay);
  }
}

void MultiPaxosCore::on_notice_timer() {
  if (lead_ && !lead_->notice_for.is_none()) {
    // What was decided since then waits anew: under steady load a message always comes along.
    send_decided(std::exchange(lead_->notice_for, Position()));
  }
}

// ---- heartbeats -----------------------------------------------------------------------------------------

void MultiPaxosCore::start_heartbeats() {
  output_.set_timer(TimerKind::heartbeat, config_.heartbeat_interval, config_.heartbeat_interval);
}

void MultiPaxosCore::on_heartbeat_timer() {
  if (!lead_ || !check_quorum()) {
    return;
  }
  note_when_idle();
  everywhere_ = std::max(everywhere_, lowest_noted());
  for (Follower& follower : lead_->followers) {
    follower.on_heartbeat_tick();
  }
  send_heartbeats(true);
  start_heartbeats();
  watch_own_disk();
  on_transfer_tick();
}

void MultiPaxosCore::send_heartbeats(bool regular) {
  ++lead_->round;
  if (has_committed_own()) {
    lead_->reads.begin(lead_->round, chosen_);
  }
  for (Follower& follower : lead_->followers) {
    const Position decided = decided_for(follower);
    send(follower.node(), Heartbeat{.ballot = state_.promised,
                                    .round = lead_->round,
                                    .decided = decided,
                                    .own_from = lead_->own_from,
                                    .everywhere = everywhere_,
                                    .regular = regular});
    follower.decided_sent = std::max(follower.decided_sent, decided);
  }
  confirm_round();
}

/// Within one election time-out after the last round that enough voters answered, a leader that is cut off steps down
/// its clients learn it, and its own refusals no longer stand in anybody's way.
bool MultiPaxosCore::check_quorum() {
  const bool answered = lead_->confirmed_round > lead_->confirmed_at_tick;
  lead_->confirmed_at_tick = lead_->confirmed_round;
  lead_->silent_ticks = answered ? 0 : lead_->silent_ticks + 1;
  const std::uint64_t limit = std::max<std::uint64_t>(heartbeats_per_election_timeout(config_) - 1, 1);
  if (!config_.check_quorum || lead_->silent_ticks < limit || QUORATE_PLANT(leads_without_quorum)) {
    return true;
  }
  trace(Branch::quorum_lost, round());
  become_follower(NodeId(), RoleCause::no_quorum);
  expect_leader(LeaderSign::none);
  return false;
}

void MultiPaxosCore::on(NodeId from, const HeartbeatAnswer& message) {
  Follower* follower = lead_ ? find_follower(from) : nullptr;
  if (follower == nullptr || message.round > lead_->round) {
    trace(Branch::stale_message_ignored, from.value(), Ballot::of(message.ballot).round);
    return;
  }
  follower->acknowledged_round = std::max(follower->acknowledged_round, message.round);
  follower->on_decided(std::min(message.decided, chosen_));
  on(from, Noted{.ballot = message.ballot, .noted = message.noted});
  if (!lead_) {
    return;
  }
  confirm_round();
  if (!message.regular) {
    return;  // rounds of reads are frequent: what follows is repaired once per heartbeat
  }
  if (follower = find_follower(from); follower == nullptr) {
    return;
  }
  follower->resume();
  if (follower->take_stalled()) {
    trace(Branch::stalled_follower_resent, from.value(), follower->match().next().value());
  }
  replicate_to(*follower);
}

void MultiPaxosCore::on(NodeId from, const Noted& message) {
  Follower* follower = lead_ ? find_follower(from) : nullptr;
  if (follower == nullptr) {
    return;
  }
  follower->noted = std::max(follower->noted, std::min(message.noted, chosen_));
  if (commit_ < chosen_) {
    advance_commit();
    send_decided(Position());
  }
}

// ---- small questions ------------------------------------------------------------------------------------

Position MultiPaxosCore::lowest_noted() const {
  Position lowest = noted_;
  for (const Follower& follower : lead_->followers) {
    lowest = std::min(lowest, follower.noted);
  }
  return lowest;
}

const Follower* MultiPaxosCore::find_follower(NodeId node) const {
  const auto at = std::ranges::lower_bound(lead_->followers, node, {}, &Follower::node);
  return at == lead_->followers.end() || at->node() != node ? nullptr : &*at;
}

Follower* MultiPaxosCore::find_follower(NodeId node) {
  return const_cast<Follower*>(std::as_const(*this).find_follower(node));  // NOLINT: the object is not const
}

}  // namespace quorate::multipaxos
