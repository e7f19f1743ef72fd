// Linearizable reads (thesis 6.4): the leader names its commit position once a heartbeat round that began after the
// read shows that it still leads. Many reads share a round; followers ask the leader.

#include <algorithm>
#include <utility>

#include "base/plant.h"
#include "consensus/raft/core.h"

namespace quorate::raft {

using namespace consensus;  // NOLINT(google-build-using-namespace)

void RaftCore::handle(const Read& input) {
  if (is_leader()) {
    read_at_leader({.from = config_.self, .context = input.context});
    return;
  }
  if (leader_.is_none() || forwarded_.is_full()) {
    trace(leader_.is_none() ? Branch::reads_dropped : Branch::too_many_reads, 1);
    emit(Dropped{input.context, Dropped::Outcome::never});
    return;
  }
  const std::uint64_t number = forwarded_.add(input.context);
  trace(Branch::read_forwarded, leader_.value(), number);
  send(leader_, ReadRequest{.term = hard_.term, .life = config_.incarnation, .number = number});
}

// ---- the leader's side ----------------------------------------------------------------------------------

void RaftCore::on(NodeId from, const ReadRequest& message) {
  if (!is_leader() || lead_->reads.is_full()) {
    send(from, ReadResponse{.term = hard_.term, .life = message.life, .number = message.number, .served = false});
    return;
  }
  read_at_leader({.from = from, .context = Context(), .life = message.life, .number = message.number});
}

void RaftCore::read_at_leader(ReadQueue::Read read) {
  if (lead_->reads.is_full()) {
    trace(Branch::too_many_reads, lead_->reads.size());
    emit(Dropped{read.context, Dropped::Outcome::never});
    return;
  }
  lead_->reads.add(read);
  if (!has_committed_in_own_term()) {
    trace(Branch::read_waits_for_own_term, hard_.term.value());
  } else if (lead_->reads.round() != 0) {
    trace(Branch::read_waits_for_round, lead_->reads.round());
  }
  begin_read_round();
}

/// Before an entry of its own term is committed a leader does not know what is committed (L-02).
bool RaftCore::has_committed_in_own_term() const {
  return log_.tag_at(commit_) == hard_.term || QUORATE_PLANT(read_before_own_term);
}

/// One round at a time: reads that come while one is under way share the next.
void RaftCore::begin_read_round() {
  if (lead_->reads.is_empty() || lead_->reads.round() != 0 || !has_committed_in_own_term()) {
    return;
  }
  trace(Branch::read_round_started, lead_->round + 1, commit_.value());
  send_heartbeats(false);
}

/// Every read that waits joins the round that starts now, regular or not.
void RaftCore::mark_reads_begun() {
  if (has_committed_in_own_term()) {
    lead_->reads.begin(lead_->round, commit_);
  }
}

void RaftCore::confirm_round() {
  const auto round_of = [this](NodeId node) {
    if (node == config_.self) {
      return lead_->round;
    }
    const Progress* follower = find_follower(node);
    return follower == nullptr ? std::uint64_t{0} : follower->acknowledged_round;
  };
  const auto confirmed = quorum::reached_by_majority<std::uint64_t>(voters(), round_of);
  lead_->confirmed_round = std::max(lead_->confirmed_round, confirmed);
  serve_confirmed_reads();
}

void RaftCore::serve_confirmed_reads() {
  const std::uint64_t confirmed = QUORATE_PLANT(read_index_without_quorum) ? lead_->round : lead_->confirmed_round;
  while (const std::optional<ReadQueue::Read> read = lead_->reads.take_confirmed(confirmed)) {
    serve(*read);
  }
  begin_read_round();
}

void RaftCore::serve(const ReadQueue::Read& read) {
  if (read.from == config_.self) {
    emit(ServeRead{read.context, read.position});
    return;
  }
  send(read.from,
       ReadResponse{
           .term = hard_.term, .life = read.life, .number = read.number, .position = read.position, .served = true});
}

// ---- the follower's side --------------------------------------------------------------------------------

/// An answer serves every read up to its number: all of them began before the leader took the position.
void RaftCore::on(NodeId from, const ReadResponse& message) {
  if (message.life != config_.incarnation || message.number > forwarded_.last_number()) {
    trace(Branch::stale_read_answer, from.value(), message.number);
    return;
  }
  for (const Context context : forwarded_.take_up_to(message.number)) {
    if (message.served) {
      emit(ServeRead{context, message.position});
    } else {
      emit(Dropped{context, Dropped::Outcome::never});
    }
  }
}

void RaftCore::resend_reads() {
  if (forwarded_.must_ask_again()) {
    const std::uint64_t number = forwarded_.last_number();
    trace(Branch::read_resent, leader_.value(), number);
    send(leader_, ReadRequest{.term = hard_.term, .life = config_.incarnation, .number = number});
  }
}

/// The leader or the role changed: what was asked will not be answered by those who were asked (L-04).
void RaftCore::drop_reads() {
  std::vector<Context> dropped = forwarded_.take_all();
  if (lead_) {
    for (const ReadQueue::Read& read : lead_->reads.take_all()) {
      if (read.from == config_.self) {
        dropped.push_back(read.context);
      }
    }
  }
  for (const Context context : dropped) {
    emit(Dropped{context, Dropped::Outcome::never});
  }
  if (!dropped.empty()) {
    trace(Branch::reads_dropped, dropped.size());
  }
}

}  // namespace quorate::raft
