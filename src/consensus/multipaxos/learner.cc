// The learner: what a replica comes to know to be decided, how it gets what it lacks, and what it gives to others.

#include <algorithm>
#include <utility>

#include "base/assert.h"
#include "base/plant.h"
#include "consensus/multipaxos/core.h"

namespace quorate::multipaxos {

using namespace consensus;  // NOLINT(google-build-using-namespace)

// ---- the leader's word ----------------------------------------------------------------------------------

void MultiPaxosCore::on(NodeId from, const Decide& message) {
  if (follow(from)) {
    learn_watermark(message.decided);
  }
}

void MultiPaxosCore::on(NodeId from, const Heartbeat& message) {
  if (!follow(from)) {
    return;
  }
  learn_watermark(message.decided);
  settle_tail(message.own_from);
  everywhere_ = std::max(everywhere_, std::min(message.everywhere, commit_));
  if (message.regular) {
    note_when_idle();
    keep_learning();
    resend_reads();
  }
  send(from, HeartbeatAnswer{.ballot = state_.promised,
                             .round = message.round,
                             .decided = commit_,
                             .noted = noted_,
                             .regular = message.regular});
}

/// What was accepted in the leader's ballot is what it has decided: it proposes one value for each slot.
void MultiPaxosCore::learn_watermark(Position decided) {
  watermark_ = std::max(watermark_, decided);
  if (watermark_ <= chosen_) {
    return;
  }
  const Position known = std::min(watermark_, log_.accepted_until(chosen_.next(), state_.promised));
  if (known > chosen_) {
    chosen_ = known;
    advance_commit();
  }
}

// ---- what is known to be decided ------------------------------------------------------------------------

/// Everything that is chosen without a gap is committed, but a change of the membership only when that it is chosen has
/// been noted, so that nobody depends on those who leave any more.
void MultiPaxosCore::advance_commit() {
  Position target = chosen_;
  for (auto change = changes_.upper_bound(commit_); change != changes_.end() && change->first <= chosen_; ++change) {
    if (!may_commit_change(change->first)) {
      trace(Branch::change_waits_for_notes, change->first.value());
      write_note();
      target = change->first.previous();
      break;
    }
  }
  if (target > commit_) {
    set_commit(target);
  }
  settle_tail(Position());
}

void MultiPaxosCore::set_commit(Position position) {
  QUORATE_ASSERT(position > commit_ && log_.end_from(commit_.next()) >= position, "commits rise, over what is here",
                 position, commit_, log_.last());
  const Position before = std::exchange(commit_, position);
  if (lead_) {
    for (const Follower& follower : lead_->followers) {
      if (!coming_membership().contains(follower.node()) && follower.decided_sent < commit_) {
        send(follower.node(), Decide{.ballot = state_.promised, .decided = commit_});  // its last word
      }
    }
  }
  emit(Commit{commit_});
  adopt_changes(before);
  if (lead_) {
    place_waiting();
    begin_read_round();
  }
}

/// Once per heartbeat, if nothing was decided since the last: so that a restart in peace asks for nothing.
void MultiPaxosCore::note_when_idle() {
  if (idle_at_ == chosen_) {
    write_note();
  }
  idle_at_ = chosen_;
}

// ---- asking ---------------------------------------------------------------------------------------------

void MultiPaxosCore::ask_decided(NodeId node, Position target) {
  const Position first = chosen_.next();
  const Position last(std::min(target.value(), chosen_.value() + std::max<std::size_t>(config_.window_entries, 1)));
  const bool is_repeated = learning_ && learning_->from == node && learning_->asked == last;
  trace(is_repeated ? Branch::learn_repeated : Branch::learn_requested, node.value(), first.value());
  learning_ = Learning{.from = node, .target = target, .asked = last, .chosen_at_tick = chosen_};
  send(node, LearnRequest{
                 .ballot = state_.promised, .first = first, .last = last, .tag = log_.tag_at(first).value_or(Tag())});
}

/// One question at a time, the next as soon as the one before is answered: a replica that is far behind gets a window
/// at a time and never waits for a timer.
void MultiPaxosCore::go_on_learning() {
  if (!learning_) {
    return;
  }
  const Position target = std::max(learning_->target, learning_->from == leader_ ? watermark_ : Position());
  if (chosen_ >= target) {
    learning_.reset();
  } else {
    ask_decided(learning_->from, target);
  }
}

void MultiPaxosCore::keep_learning() {
  const bool is_behind_leader = !leader_.is_none() && !is_leader() && watermark_ > chosen_;
  if (learning_ && chosen_ >= learning_->target && !is_behind_leader) {
    learning_.reset();
  } else if (learning_ && learning_->chosen_at_tick != chosen_) {
    learning_->chosen_at_tick = chosen_;
  } else if (learning_ && learning_->target > chosen_) {
    ask_decided(learning_->from, learning_->target);
  } else if (is_behind_leader) {
    ask_decided(leader_, watermark_);
  }
}

// ---- giving ---------------------------------------------------------------------------------------------

/// That it gave up its vote a member hears only of a leader: that one knows who has noted it. But once something is
/// decided behind the change enough have, since nobody proposes there before; and what was cut from the log cannot be
/// told as undecided any more.
Position MultiPaxosCore::decided_told_to(NodeId node) const {
  const Position change = memberships_.latest().id.position;
  const bool may_have_left = !lead_ && !membership().is_voter(node);
  const bool may_be_noted_only_here = commit_ == change && log_.discarded().position < change;
  const bool tells_less = may_have_left && (may_be_noted_only_here || QUORATE_PLANT(cut_slots_told_open));
  return tells_less ? std::min(commit_, change.previous()) : commit_;
}

void MultiPaxosCore::on(NodeId from, const LearnRequest& message) {
  if (message.first <= log_.discarded().position) {
    send_snapshot(from, message.first);
    return;
  }
  const Position end = std::min(message.last, decided_told_to(from));
  if (message.first > end) {
    trace(Branch::stale_message_ignored, from.value(), Ballot::of(message.ballot).round);
    return;
  }
  const std::optional<SlotLog::Segment> run = log_.segment_from(message.first);
  if (run && run->tag == message.tag) {
    send(from,
         Confirmed{
             .ballot = state_.promised, .first = message.first, .last = std::min(run->last, end), .tag = message.tag});
    return;
  }
  const std::uint64_t room = config_.window_messages * config_.max_entries_per_message;
  const Position until(std::min(end.value(), message.first.value() + room - 1));
  for (Position first = message.first; first <= until;) {
    const Position last(std::min(until.value(), first.value() + config_.max_entries_per_message - 1));
    output_.send(from, encode(Learned{.ballot = state_.promised, .first = first, .last = last, .until = until}),
                 Attach{.first = first, .last = last, .last_tag = log_.tag_at(last).value_or(Tag())});
    first = last.next();
  }
}

// ---- taking ---------------------------------------------------------------------------------------------

void MultiPaxosCore::on(NodeId from, const Learned& message, Entries entries) {
  if (!are_plausible(message.first, entries, message.ballot)) {
    trace(Branch::malformed_message, from.value(), entries.size());
    return;
  }
  const Position last = entries.back().id.position;
  if (message.first > chosen_.next() || last <= chosen_ || lead_) {
    trace(Branch::learn_not_continued, from.value(), message.first.value());
    return;
  }
  trace(Branch::learned, last.value());
  for (const Entry& entry : entries) {
    if (entry.id.position > chosen_ && !log_.has(entry.id)) {
      put(entry);
    }
  }
  chosen_ = last;
  write_note();  // in the same write: the ballots in which these slots were accepted here need not be told any more
  log_io_ = output_.issued();
  advance_commit();
  learn_watermark(watermark_);
  if (chosen_ >= message.until || last < message.last) {
    go_on_learning();
  }
  check_phase_1();
}

/// A slot and the tag of its first proposal name a value: what was accepted here under that tag is what was decided.
void MultiPaxosCore::on(NodeId from, const Confirmed& message) {
  Position last = chosen_;
  while (last < message.last && log_.tag_at(last.next()) == message.tag) {
    last = last.next();
  }
  if (message.first > chosen_.next() || last == chosen_ || message.tag.is_none() || lead_) {
    trace(Branch::learn_not_continued, from.value(), message.first.value());
    return;
  }
  trace(Branch::learnt_by_tag, last.value());
  chosen_ = last;
  write_note();
  log_io_ = output_.issued();
  advance_commit();
  learn_watermark(watermark_);
  go_on_learning();
  check_phase_1();
}

}  // namespace quorate::multipaxos
