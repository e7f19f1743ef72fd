// What a follower does with its leader's word: append, compare, repair, learn what is committed.

#include <algorithm>
#include <utility>

#include "base/assert.h"
#include "base/plant.h"
#include "consensus/contract/membership_codec.h"
#include "consensus/raft/core.h"

namespace quorate::raft {

using namespace consensus;  // NOLINT(google-build-using-namespace)

/// Takes `from` for the leader of the current term. False: it cannot be.
bool RaftCore::follow(NodeId from) {
  if (is_leader() || (!leader_.is_none() && leader_ != from)) {
    trace(Branch::unexpected_leader, from.value(), hard_.term.value());
    return false;
  }
  if (leader_ != from || campaign_) {
    become_follower(from, RoleCause::leader_heard);
  }
  hear_leader();
  return true;
}

void RaftCore::on(NodeId from, const Append& message, Entries entries) {
  if (!are_plausible(message, entries)) {
    trace(Branch::malformed_message, from.value(), entries.size());
    return;
  }
  if (!follow(from)) {
    return;
  }
  const Position covered(message.previous.position.value() + entries.size());
  EntryId previous = message.previous;
  if (previous.position < log_.discarded().position) {
    // What was discarded is committed, so it equals the leader's log: only what lies behind it is news.
    const std::uint64_t known =
        std::min<std::uint64_t>(entries.size(), log_.discarded().position.value() - previous.position.value());
    entries = entries.subspan(static_cast<std::size_t>(known));
    previous = log_.discarded();
  } else if (!log_.has(previous)) {
    reject_append(from, previous);
    return;
  }
  if (!store(entries)) {
    return;
  }
  Position match = covered;
  if (QUORATE_PLANT(ack_beyond_append)) {
    match = log_.last_position();
  }
  verified_ = std::max(verified_, match);  // the log equals the leader's up to here
  learn_commit(message.commit);
  send(from, AppendAccepted{.term = hard_.term, .match = match, .uncounted = !vouches()},
       QUORATE_PLANT(ack_before_sync) ? Io() : log_io_);
}

void RaftCore::on(NodeId from, const Heartbeat& message) {
  if (!follow(from)) {
    return;
  }
  learn_commit(message.commit);
  everywhere_ = std::max(everywhere_, std::min(message.everywhere, commit_));
  if (message.regular) {
    resend_reads();
  }
  send(from, HeartbeatResponse{.term = hard_.term,
                               .round = message.round,
                               .verified = verified_,
                               .regular = message.regular,
                               .uncounted = !vouches()});
}

void RaftCore::on(NodeId from, const CommitNotice& message) {
  if (follow(from)) {
    learn_commit(message.commit);
  }
}

/// One answer per divergent term: the hint names the last place where the logs can agree (paper 5.3, end).
void RaftCore::reject_append(NodeId from, EntryId previous) {
  if (previous.position > log_.last_position()) {
    trace(Branch::append_rejected_missing, previous.position.value(), log_.last_position().value());
  } else {
    trace(Branch::append_rejected_conflict, previous.position.value(),
          log_.tag_at(previous.position).value_or(Tag()).value());
  }
  send(from, AppendRejected{.term = hard_.term,
                            .rejected = previous.position,
                            .hint = log_.last_at_or_below(previous.position, previous.tag)});
}

bool RaftCore::are_plausible(const Append& message, Entries entries) const {
  EntryId before = message.previous;
  if (before.tag > message.term || before.position.is_none() != before.tag.is_none()) {
    return false;
  }
  for (const Entry& entry : entries) {
    if (entry.id.position != before.position.next() || entry.id.tag < before.tag || entry.id.tag > message.term ||
        entry.id.tag.is_none()) {
      return false;
    }
    if (entry.kind == EntryKind::configuration && !decode_configuration(entry.payload.view())) {
      return false;
    }
    before = entry.id;
  }
  return true;
}

bool RaftCore::store(Entries entries) {
  std::size_t known = 0;
  while (known < entries.size() && log_.has(entries[known].id)) {
    ++known;
  }
  if (known > 0) {
    trace(Branch::entries_already_there, known);
    if (QUORATE_PLANT(truncate_matching_entries) && known == entries.size()) {
      truncate_from(std::max(entries.back().id.position, commit_).next());
    }
  }
  entries = entries.subspan(known);
  if (entries.empty()) {
    return true;
  }
  const Position first = entries.front().id.position;
  if (first <= log_.last_position()) {
    if (first <= verified_) {
      trace(Branch::append_conflicts_with_commit, first.value());
      return false;
    }
    trace(Branch::conflict_truncated, first.value(), log_.last_position().value());
    truncate_from(first);
  }
  std::vector<PersistOp>& ops = output_.write();
  ops.reserve(ops.size() + entries.size());
  bool has_configuration = false;
  for (const Entry& entry : entries) {
    ops.emplace_back(Put{entry});
    log_.append(entry.id.tag);
    has_configuration |= entry.kind == EntryKind::configuration;
  }
  log_io_ = output_.issued();
  if (has_configuration) {
    for (const Entry& entry : entries) {
      adopt_configuration(entry);
    }
  }
  return true;
}

void RaftCore::adopt_configuration(const Entry& entry) {
  if (entry.kind != EntryKind::configuration) {
    return;
  }
  std::optional<Configuration> configuration = decode_configuration(entry.payload.view());
  QUORATE_ASSERT(configuration.has_value(), "checked before anything was written", entry.id.position);
  trace(Branch::membership_adopted, entry.id.position.value());
  memberships_.add(std::move(configuration->membership), entry.id);
  emit(ConfigurationChanged{.membership = memberships_.current(),
                            .id = entry.id,
                            .committed = false,
                            .contacts = std::move(configuration->contacts)});
  use_membership(RoleCause::members_changed);
}

void RaftCore::truncate_from(Position position) {
  if (position > log_.last_position()) {
    return;
  }
  output_.write().emplace_back(TruncateFrom{position});
  log_io_ = output_.issued();
  log_.truncate_from(position);
  verified_ = std::min(verified_, log_.last_position());
  const Position rolled_back = memberships_.latest().id.position;
  if (!QUORATE_PLANT(membership_not_rolled_back) && memberships_.truncate_from(position)) {
    trace(Branch::membership_rolled_back, rolled_back.value());
    const MembershipHistory::Version& latest = memberships_.latest();
    emit(ConfigurationChanged{
        .membership = latest.membership, .id = latest.id, .committed = latest.id.position <= commit_, .contacts = {}});
    use_membership(RoleCause::members_changed_back);
  }
}

/// The end of the own log was in doubt: more may have stood there, acknowledged and then lost. It is settled when
/// nothing of it differs from the leader's and nothing that was committed can be missing: the leader has committed an
/// entry of its own term, so it has and counts everything that was committed before (paper 5.4.3), and this log reaches
/// so far.
void RaftCore::settle_tail(Position leader_commit) {
  if (!uncertain_tail_ || verified_ != log_.last_position() || leader_commit > verified_ ||
      log_.tag_at(leader_commit) != hard_.term) {
    return;
  }
  // A vote in this term may have been lost with the tail: it can only have been for this leader, so it is given to it.
  uncertain_tail_ = false;
  trace(Branch::uncertain_tail_settled, verified_.value());
  if (hard_.vote.is_none()) {
    hard_.vote = leader_;
    write_state();
  }
}

/// A follower trusts a commit position only as far as it knows its log to equal the leader's.
void RaftCore::learn_commit(Position leader_commit) {
  const Position known = std::min(leader_commit, verified_);
  if (known > commit_) {
    set_commit(known);
  } else if (known < commit_ && QUORATE_PLANT(commit_regress)) {
    commit_ = known;
  }
  settle_tail(leader_commit);
  leader_commit_ = std::max(leader_commit_, leader_commit);
  check_repaired();
}

void RaftCore::set_commit(Position position) {
  QUORATE_ASSERT(position > commit_ && position <= log_.last_position(), "commits rise within the log", position,
                 commit_, log_.last_position());
  const Position before = std::exchange(commit_, position);
  verified_ = std::max(verified_, commit_);
  emit(Commit{commit_});
  memberships_.visit_between(before, commit_, [this](const MembershipHistory::Version& version) {
    emit(ConfigurationChanged{.membership = version.membership, .id = version.id, .committed = true, .contacts = {}});
  });
}

}  // namespace quorate::raft
