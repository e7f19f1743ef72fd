// What a leader does for its log: own entries, appends to followers, their answers, commits, heartbeats.

#include <algorithm>
#include <utility>

#include "base/assert.h"
#include "base/plant.h"
#include "consensus/raft/core.h"

namespace quorate::raft {

using namespace consensus;  // NOLINT(google-build-using-namespace)

// ---- own entries ----------------------------------------------------------------------------------------

void RaftCore::handle(const Propose& input) {
  if (!lead_ || lead_->transfer) {
    trace(Branch::proposals_refused, input.batch.size());
    for (const Proposal& proposal : input.batch) {
      emit(Dropped{proposal.context, Dropped::Outcome::never});
    }
    return;
  }
  append_own(input.batch);
}

void RaftCore::append_own(std::span<const Proposal> batch) {
  if (batch.empty()) {
    return;
  }
  const Position first = log_.last_position().next();
  output_.reserve(batch.size() + lead_->followers.size() + 2);
  std::vector<PersistOp>& ops = output_.write();
  ops.reserve(ops.size() + batch.size());
  Position position = first;
  for (const Proposal& proposal : batch) {
    ops.emplace_back(Put{{.id = {position, hard_.term}, .kind = EntryKind::command, .payload = proposal.payload}});
    position = position.next();
  }
  position = first;
  for (const Proposal& proposal : batch) {
    emit(Placed{proposal.context, {position, hard_.term}});
    if (Progress* waits = proposal.origin.is_none() ? nullptr : find_follower(proposal.origin); waits != nullptr) {
      waits->awaited = position;
    }
    position = position.next();
  }
  log_.append(hard_.term, batch.size());
  finish_own_append();
}

/// An entry of the own term: only with one can earlier ones be committed (paper 5.4.2) and reads be served (L-02).
void RaftCore::append_noop() {
  output_.write().emplace_back(
      Put{{.id = {log_.last_position().next(), hard_.term}, .kind = EntryKind::noop, .payload = {}}});
  log_.append(hard_.term);
  finish_own_append();
}

/// The followers' disks work while the own one does (thesis 10.2.1): appends do not wait for the write.
void RaftCore::finish_own_append() {
  log_io_ = output_.issued();
  verified_ = log_.last_position();
  lead_->own_writes.push_back({output_.issued(), log_.last_position()});
  for (Progress& follower : lead_->followers) {
    replicate_to(follower);
  }
  if (QUORATE_PLANT(leader_counts_itself_early)) {
    lead_->own_match = log_.last_position();
    advance_commit();
  }
}

// ---- appends --------------------------------------------------------------------------------------------

void RaftCore::replicate_to(Progress& follower, bool even_empty) {
  if (follower.mode() == Progress::Mode::snapshot) {
    return;
  }
  const Window window{.messages = config_.window_messages, .entries = config_.window_entries};
  bool sent = false;
  while (follower.next() <= log_.last_position() && follower.may_send(window)) {
    send_append(follower);
    sent = true;
  }
  if (!sent && even_empty) {
    send_append(follower);
  } else if (follower.next() <= log_.last_position() && follower.mode() == Progress::Mode::replicate) {
    trace(Branch::window_full, follower.node().value(), follower.next().value());
  }
}

/// Sends the append that begins at next(), with what the window allows.
void RaftCore::send_append(Progress& follower) {
  if (follower.next() <= log_.discarded().position) {
    // The log was discarded while the follower was probed below: it had told, perhaps in an earlier life, that it has
    // so much. Where the log begins is the lowest place to ask.
    follower.probe_from(log_.discarded().position.next());
  }
  const Position previous = follower.next().previous();
  const std::optional<Tag> previous_tag = log_.tag_at(previous);
  QUORATE_ASSERT(previous_tag.has_value(), "the log holds what stands before the next append", previous,
                 log_.discarded().position, log_.last_position());
  const Window window{.messages = config_.window_messages, .entries = config_.window_entries};
  const bool may_carry = follower.may_send(window) || follower.mode() == Progress::Mode::probe;
  const std::uint64_t room =
      may_carry ? std::min<std::uint64_t>(follower.room(window), config_.max_entries_per_message) : 0;
  const std::uint64_t count = std::min(room, log_.last_position().value() - previous.value());
  const Position last(previous.value() + count);
  std::optional<Attach> attach;
  if (count > 0) {
    attach = Attach{.first = follower.next(), .last = last, .last_tag = log_.tag_at(last).value_or(Tag())};
  }
  output_.send(follower.node(), encoded_append({previous, *previous_tag}), attach);
  follower.commit_sent = commit_;
  follower.on_sent(last);
}

const Buffer& RaftCore::encoded_append(EntryId previous) {
  auto& known = lead_->last_append;
  if (known.bytes.empty() || known.previous != previous || known.commit != commit_) {
    known.previous = previous;
    known.commit = commit_;
    known.bytes = encode(Append{.term = hard_.term, .previous = previous, .commit = commit_});
  }
  return known.bytes;
}

void RaftCore::on(NodeId from, const AppendAccepted& message) {
  Progress* follower = lead_ ? find_follower(from) : nullptr;
  if (follower == nullptr || message.match > log_.last_position()) {
    trace(Branch::stale_message_ignored, from.value(), message.term.value());
    return;
  }
  if (follower->mode() == Progress::Mode::snapshot && message.match >= log_.discarded().position) {
    follower->probe_from(std::max(follower->match(), message.match).next());  // it has come so far without one
  }
  if (follower->mode() == Progress::Mode::probe) {
    trace(Branch::probe_to_replicate, from.value(), message.match.value());
  } else if (message.match < follower->match()) {
    trace(Branch::late_ack_ignored, from.value(), message.match.value());
  }
  const bool counts_now = note_whether_it_counts(*follower, message.uncounted);
  if (follower->on_accepted(message.match) || counts_now) {
    advance_commit();
  }
  replicate_to(*follower);
  send_commit_notices(Position());
  try_transfer();
}

void RaftCore::on(NodeId from, const AppendRejected& message) {
  Progress* follower = lead_ ? find_follower(from) : nullptr;
  if (follower == nullptr || !follower->is_news(message.rejected)) {
    trace(Branch::late_reject_ignored, from.value(), message.rejected.value());
    return;
  }
  const Position hint = std::min(message.hint.position, message.rejected.previous());
  if (QUORATE_PLANT(reject_counted_as_ack)) {
    (void)follower->on_accepted(hint);
  }
  if (hint < log_.discarded().position) {
    send_snapshot(*follower);
    return;
  }
  const Position agreed = std::max(log_.last_at_or_below(hint, message.hint.tag).position, follower->match());
  follower->probe_from(agreed.next());
  trace(Branch::reject_repairs, from.value(), follower->next().value());
  replicate_to(*follower, true);
}

// ---- commits --------------------------------------------------------------------------------------------

void RaftCore::advance_commit() {
  const auto match_of = [this](NodeId node) {
    if (node == config_.self) {
      return lead_->own_match;
    }
    const Progress* follower = find_follower(node);
    return follower == nullptr || !follower->counts ? Position() : follower->match();
  };
  const Position reached = quorum::reached_by_majority<Position>(voters(), match_of);
  if (reached <= commit_) {
    return;
  }
  const Tag tag = log_.tag_at(reached).value_or(Tag());
  if (tag != hard_.term && !QUORATE_PLANT(commit_older_term_by_counting)) {
    // An entry of an older term may be on a majority and still be replaced (paper, figure 8): it waits for one of ours.
    trace(Branch::older_term_not_committed, reached.value(), tag.value());
    return;
  }
  if (reached > lead_->own_match) {
    trace(Branch::commit_before_own_write, reached.value(), lead_->own_match.value());
  }
  set_commit(reached);
  begin_read_round();
}

/// A follower answers clients of its own once it has executed: while one waits, what no append carries is told at once.
/// Else the word waits a moment for a message to ride on; the words of commits up to `due` have waited.
void RaftCore::send_commit_notices(Position due) {
  const bool at_once = config_.commit_notice_delay == Duration::zero();
  Buffer bytes;
  for (Progress& follower : lead_->followers) {
    if (follower.commit_sent >= commit_ || follower.mode() != Progress::Mode::replicate) {
      continue;
    }
    if (!at_once && std::max(follower.awaited, due) <= follower.commit_sent) {
      arm_notice();
      continue;
    }
    if (bytes.empty()) {
      trace(Branch::commit_notice_sent, commit_.value());
      bytes = encode(CommitNotice{.term = hard_.term, .commit = commit_});
    }
    follower.commit_sent = commit_;
    output_.send(follower.node(), bytes);
  }
}

void RaftCore::arm_notice() {
  if (lead_->notice_for.is_none() && config_.commit_notice_delay != Duration::max()) {
    trace(Branch::commit_notice_delayed, commit_.value());
    lead_->notice_for = commit_;
    output_.set_timer(TimerKind::notice, config_.commit_notice_delay, config_.commit_notice_delay);
  }
}

void RaftCore::on_notice_timer() {
  if (!lead_ || lead_->notice_for.is_none()) {
    return;
  }
  // What was committed since then waits anew: under steady load a message always comes along.
  send_commit_notices(std::exchange(lead_->notice_for, Position()));
}

// ---- heartbeats -----------------------------------------------------------------------------------------

void RaftCore::start_heartbeats() {
  if (!lead_->followers.empty()) {
    output_.set_timer(TimerKind::heartbeat, config_.heartbeat_interval, config_.heartbeat_interval);
  }
}

void RaftCore::on_heartbeat_timer() {
  if (!lead_ || !check_quorum()) {
    return;
  }
  everywhere_ = std::max(everywhere_, lowest_match());
  for (Progress& follower : lead_->followers) {
    follower.on_heartbeat_tick();
  }
  send_heartbeats(true);
  start_heartbeats();
  watch_own_disk();
  on_transfer_tick();
}

void RaftCore::send_heartbeats(bool regular) {
  ++lead_->round;
  mark_reads_begun();
  const Buffer bytes = encode(Heartbeat{
      .term = hard_.term, .round = lead_->round, .commit = commit_, .everywhere = everywhere_, .regular = regular});
  for (Progress& follower : lead_->followers) {
    if (follower.mode() == Progress::Mode::replicate) {
      follower.commit_sent = commit_;
    }
    output_.send(follower.node(), bytes);
  }
  confirm_round();
}

/// Within one election time-out after the last round that a majority answered, a leader that is cut off steps down
/// its clients learn it, and its own refusals no longer stand in anybody's way.
bool RaftCore::check_quorum() {
  const bool answered = lead_->confirmed_round > lead_->confirmed_at_tick;
  lead_->confirmed_at_tick = lead_->confirmed_round;
  lead_->silent_ticks = answered ? 0 : lead_->silent_ticks + 1;
  const std::uint64_t limit = std::max<std::uint64_t>(ticks_per_election_timeout() - 1, 1);
  if (!config_.check_quorum || lead_->silent_ticks < limit || QUORATE_PLANT(leads_without_quorum)) {
    return true;
  }
  trace(Branch::quorum_lost, hard_.term.value());
  become_follower(NodeId(), RoleCause::no_quorum);
  expect_leader(LeaderSign::none);
  return false;
}

void RaftCore::on(NodeId from, const HeartbeatResponse& message) {
  Progress* follower = lead_ ? find_follower(from) : nullptr;
  if (follower == nullptr || message.round > lead_->round) {
    trace(Branch::stale_message_ignored, from.value(), message.term.value());
    return;
  }
  if (note_whether_it_counts(*follower, message.uncounted)) {
    advance_commit();
  }
  if (follower->counts) {
    follower->acknowledged_round = std::max(follower->acknowledged_round, message.round);
  }
  confirm_round();
  if (!message.regular) {
    return;  // rounds of reads are frequent: what follows is repaired once per heartbeat
  }
  follower->resume();
  bool must_ask = follower->mode() == Progress::Mode::probe;
  if (follower->take_stalled()) {
    trace(Branch::stalled_follower_probed, from.value(), follower->next().value());
    must_ask = true;
  }
  // A follower that restarted unnoticed has forgotten how far the logs are equal, and takes no commit.
  must_ask |= !follower->has_in_flight() && message.verified < follower->match();
  replicate_to(*follower, must_ask);
}

// ---- small questions ------------------------------------------------------------------------------------

Position RaftCore::lowest_match() const {
  Position lowest = lead_->own_match;
  for (const Progress& follower : lead_->followers) {
    lowest = std::min(lowest, follower.match());
  }
  return lowest;
}

const Progress* RaftCore::find_follower(NodeId node) const {
  const auto at = std::ranges::lower_bound(lead_->followers, node, {}, &Progress::node);
  return at == lead_->followers.end() || at->node() != node ? nullptr : &*at;
}

Progress* RaftCore::find_follower(NodeId node) {
  return const_cast<Progress*>(std::as_const(*this).find_follower(node));  // NOLINT: the object is not const
}

}  // namespace quorate::raft
