// Linearizable reads: the leader names what it knows to be chosen once a round of heartbeats that began after the read
// was answered by so many that no other ballot can have passed phase 1 meanwhile. Many reads share a round; others ask
// the leader (contract/reads.h).

#include <algorithm>
#include <utility>

#include "base/plant.h"
#include "consensus/multipaxos/core.h"

namespace quorate::multipaxos {

using namespace consensus;  // NOLINT(google-build-using-namespace)

void MultiPaxosCore::handle(const Read& input) {
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
  send(leader_, ReadRequest{.ballot = state_.promised, .life = config_.incarnation, .number = number});
}

// ---- the leader's side ----------------------------------------------------------------------------------

void MultiPaxosCore::on(NodeId from, const ReadRequest& message) {
  if (!is_leader() || lead_->reads.is_full()) {
    send(from, ReadAnswer{.ballot = state_.promised, .life = message.life, .number = message.number});
    return;
  }
  read_at_leader({.from = from, .context = Context(), .life = message.life, .number = message.number});
}

void MultiPaxosCore::read_at_leader(ReadQueue::Read read) {
  if (lead_->reads.is_full()) {
    trace(Branch::too_many_reads, lead_->reads.size());
    emit(Dropped{read.context, Dropped::Outcome::never});
    return;
  }
  lead_->reads.add(read);
  if (!has_committed_own()) {
    trace(Branch::read_waits_for_own, round());
  } else if (lead_->reads.round() != 0) {
    trace(Branch::read_waits_for_round, lead_->reads.round());
  }
  begin_read_round();
}

/// Before a slot of its own is decided a leader does not know what the leaders before it have decided (L-02).
bool MultiPaxosCore::has_committed_own() const {
  return (!lead_->own_from.is_none() && commit_ >= lead_->own_from) || QUORATE_PLANT(read_before_own_slot);
}

/// One round at a time: reads that come while one is under way share the next.
void MultiPaxosCore::begin_read_round() {
  if (lead_->reads.is_empty() || lead_->reads.round() != 0 || !has_committed_own()) {
    return;
  }
  trace(Branch::read_round_started, lead_->round + 1, chosen_.value());
  send_heartbeats(false);
}

/// Every phase-1 quorum shares a voter with those who have answered, and that one had promised nothing higher yet. Once
/// a change of the membership is decided that holds of those who vote from then on, too: they may know it before this
/// leader knows that they do, and choose another among themselves (testdata/reads_during_change.txt).
void MultiPaxosCore::confirm_round() {
  const auto round_of = [this](NodeId node) {
    if (node == config_.self) {
      return lead_->round;
    }
    const Follower* follower = find_follower(node);
    return follower == nullptr ? std::uint64_t{0} : follower->acknowledged_round;
  };
  const auto confirmed_by = [&](std::span<const NodeId> those) {
    return quorum::reached_by_count<std::uint64_t>(those, round_of, needed(Phase::two, those.size()));
  };
  std::uint64_t confirmed = confirmed_by(voters());
  if (lead_->change && chosen_ >= *lead_->change && !QUORATE_PLANT(read_confirmed_by_old_members)) {
    confirmed = std::min(confirmed, confirmed_by(coming_membership().voters));
  }
  lead_->confirmed_round = std::max(lead_->confirmed_round, confirmed);
  serve_confirmed_reads();
}

void MultiPaxosCore::serve_confirmed_reads() {
  const std::uint64_t confirmed = QUORATE_PLANT(read_index_without_quorum) ? lead_->round : lead_->confirmed_round;
  while (const std::optional<ReadQueue::Read> read = lead_->reads.take_confirmed(confirmed)) {
    serve(*read);
  }
  begin_read_round();
}

void MultiPaxosCore::serve(const ReadQueue::Read& read) {
  if (read.from == config_.self) {
    emit(ServeRead{read.context, read.position});
    return;
  }
  send(read.from, ReadAnswer{.ballot = state_.promised,
                             .life = read.life,
                             .number = read.number,
                             .position = read.position,
                             .served = true});
}

// ---- at any other replica -------------------------------------------------------------------------------

void MultiPaxosCore::on(NodeId from, const ReadAnswer& message) {
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

void MultiPaxosCore::resend_reads() {
  if (forwarded_.must_ask_again()) {
    const std::uint64_t number = forwarded_.last_number();
    trace(Branch::read_resent, leader_.value(), number);
    send(leader_, ReadRequest{.ballot = state_.promised, .life = config_.incarnation, .number = number});
  }
}

/// The leader or the role changed: what was asked will not be answered by those who were asked (L-04).
void MultiPaxosCore::drop_reads() {
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

}  // namespace quorate::multipaxos
