// Linearizable reads (thesis 6.4): the leader names its commit position once a heartbeat round that began after the
// read shows that it still leads. Many reads share a round; followers ask the leader.

#include <algorithm>
#include <utility>

#include "base/plant.h"
#include "consensus/raft/core.h"

namespace quorate::raft {

using namespace consensus;  // NOLINT(google-build-using-namespace)

namespace {

/// Of one replica. Each stands for all reads of a turn, so more is a flood.
constexpr std::size_t kMaxWaitingReads = 4096;

}  // namespace

void RaftCore::handle(const Read& input) {
  if (is_leader()) {
    read_at_leader({.from = config_.self, .context = input.context});
    return;
  }
  if (leader_.is_none() || forwarded_.size() >= kMaxWaitingReads) {
    trace(leader_.is_none() ? Branch::reads_dropped : Branch::too_many_reads, 1);
    emit(Dropped{input.context, Dropped::Outcome::never});
    return;
  }
  forwarded_.push_back({input.context, ++last_read_number_});
  trace(Branch::read_forwarded, leader_.value(), last_read_number_);
  send(leader_, ReadRequest{.term = hard_.term, .life = config_.incarnation, .number = last_read_number_});
}

// ---- the leader's side ----------------------------------------------------------------------------------

void RaftCore::on(NodeId from, const ReadRequest& message) {
  if (!is_leader() || lead_->reads.size() >= kMaxWaitingReads) {
    send(from, ReadResponse{.term = hard_.term, .life = message.life, .number = message.number, .served = false});
    return;
  }
  read_at_leader({.from = from, .context = Context(), .life = message.life, .number = message.number});
}

void RaftCore::read_at_leader(LeaderRead read) {
  if (lead_->reads.size() >= kMaxWaitingReads) {
    trace(Branch::too_many_reads, lead_->reads.size());
    emit(Dropped{read.context, Dropped::Outcome::never});
    return;
  }
  lead_->reads.push_back(read);
  if (!has_committed_in_own_term()) {
    trace(Branch::read_waits_for_own_term, hard_.term.value());
  } else if (lead_->reads.front().round != 0) {
    trace(Branch::read_waits_for_round, lead_->reads.front().round);
  }
  begin_read_round();
}

/// Before an entry of its own term is committed a leader does not know what is committed (L-02).
bool RaftCore::has_committed_in_own_term() const {
  return log_.tag_at(commit_) == hard_.term || QUORATE_PLANT(read_before_own_term);
}

/// One round at a time: reads that come while one is under way share the next.
void RaftCore::begin_read_round() {
  if (lead_->reads.empty() || lead_->reads.front().round != 0 || !has_committed_in_own_term()) {
    return;
  }
  trace(Branch::read_round_started, lead_->round + 1, commit_.value());
  send_heartbeats(false);
}

/// Every read that waits joins the round that starts now, regular or not.
void RaftCore::mark_reads_begun() {
  if (lead_->reads.empty() || !has_committed_in_own_term()) {
    return;
  }
  for (auto read = lead_->reads.rbegin(); read != lead_->reads.rend() && read->round == 0; ++read) {
    read->round = lead_->round;
    read->position = commit_;
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
  std::deque<LeaderRead>& reads = lead_->reads;
  const std::uint64_t confirmed = QUORATE_PLANT(read_index_without_quorum) ? lead_->round : lead_->confirmed_round;
  while (!reads.empty() && reads.front().round != 0 && reads.front().round <= confirmed) {
    serve(reads.front());
    reads.pop_front();
  }
  begin_read_round();
}

void RaftCore::serve(const LeaderRead& read) {
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
  if (message.life != config_.incarnation || message.number > last_read_number_) {
    trace(Branch::stale_read_answer, from.value(), message.number);
    return;
  }
  while (!forwarded_.empty() && forwarded_.front().number <= message.number) {
    if (message.served) {
      emit(ServeRead{forwarded_.front().context, message.position});
    } else {
      emit(Dropped{forwarded_.front().context, Dropped::Outcome::never});
    }
    forwarded_.pop_front();
  }
}

/// Question or answer may have been lost. Asking again under the newest number answers all at once.
void RaftCore::resend_reads() {
  if (!forwarded_.empty() && forwarded_.front().number <= resend_up_to_) {
    trace(Branch::read_resent, leader_.value(), last_read_number_);
    send(leader_, ReadRequest{.term = hard_.term, .life = config_.incarnation, .number = last_read_number_});
  }
  resend_up_to_ = last_read_number_;
}

/// The leader or the role changed: what was asked will not be answered by those who were asked (L-04).
void RaftCore::drop_reads() {
  std::size_t dropped = forwarded_.size();
  for (const ForwardedRead& read : forwarded_) {
    emit(Dropped{read.context, Dropped::Outcome::never});
  }
  forwarded_.clear();
  if (lead_) {
    for (const LeaderRead& read : lead_->reads) {
      if (read.from == config_.self) {
        emit(Dropped{read.context, Dropped::Outcome::never});
        ++dropped;
      }
    }
    lead_->reads.clear();
  }
  if (dropped > 0) {
    trace(Branch::reads_dropped, dropped);
  }
}

}  // namespace quorate::raft
