// The proposer: phase 1, phase 2, and what it does when another one is ahead ("Paxos Made Simple", section 2.2).

#include <algorithm>
#include <utility>

#include "base/assert.h"
#include "base/plant.h"
#include "consensus/paxos/core.h"

namespace quorate::paxos {

using namespace consensus;  // NOLINT(google-build-using-namespace)

namespace {

/// A back-off lies between nothing and a quarter of a heartbeat, twice that after each further lost duel, so often.
constexpr Duration::rep kBackOffsPerHeartbeat = 4;
constexpr unsigned kMaxDoublings = 6;

}  // namespace

// ---- rounds ---------------------------------------------------------------------------------------------

void PaxosCore::propose(const Proposal& proposal) {
  const ByteView name = proposal.cell.view();
  const bool fits = !name.empty() && name.size() <= kMaxCellBytes && proposal.payload.size() <= kMaxValueBytes;
  const auto cell = cells_.find(name);
  if (fits && cell != cells_.end() && cell->second.decided) {
    trace(Branch::proposal_too_late);
    emit(Chosen{cell->first, cell->second.value});
    return;
  }
  const auto known = attempts_.find(name);
  if (!fits || (known == attempts_.end() && attempts_.size() >= kMaxOpenCells)) {
    trace(Branch::proposal_refused);
    emit(Dropped{proposal.context, Dropped::Outcome::never});
    return;
  }
  if (known != attempts_.end()) {
    // At most one value of one node takes part in a round; whoever else proposes here learns what was chosen.
    trace(Branch::proposal_joins);
    if (!known->second.wish) {
      known->second.wish = proposal.payload;
    }
    return;
  }
  const auto attempt = attempts_.try_emplace(proposal.cell).first;
  attempt->second.wish = proposal.payload;
  begin_round(attempt->first, attempt->second);
}

void PaxosCore::begin_round(const Buffer& name, Attempt& attempt) {
  const auto cell = cells_.find(name);
  const Ballot& seen = cell == cells_.end() ? floor_ : std::max(floor_, cell->second.promised);
  attempt.phase = Phase::preparing;
  const std::uint64_t round = std::max({seen.round, attempt.ballot.round, attempt.refused_for.round}) + 1;
  const Incarnation life = QUORATE_PLANT(ballot_without_life) ? Incarnation(1) : config_.incarnation;
  attempt.ballot = {.round = round, .proposer = config_.self, .life = life};
  attempt.found = {};
  attempt.value = {};
  attempt.answers.clear();
  attempt.refused_for = {};
  attempt.is_old = false;
  attempt.reads.insert(attempt.reads.end(), attempt.late_reads.begin(), attempt.late_reads.end());
  attempt.late_reads.clear();
  trace(Branch::prepare_started, round);
  send_to_voters(Prepare{name.view(), attempt.ballot});
  promise_own(name, attempt);
}

/// Question or answer may have been lost.
void PaxosCore::repeat_round(const Buffer& name, const Attempt& attempt) {
  trace(Branch::round_repeated, attempt.ballot.round);
  for (const NodeId voter : voters()) {
    if (voter != config_.self) {
      ask_again(voter, name, attempt);
    }
  }
}

void PaxosCore::ask_again(NodeId voter, const Buffer& name, const Attempt& attempt) {
  if (attempt.answers.answer_of(voter) != quorum::Answer::none || attempt.phase == Phase::waiting) {
    return;
  }
  if (attempt.phase == Phase::preparing) {
    send(voter, Prepare{name.view(), attempt.ballot});
  } else {
    send(voter, Accept{name.view(), attempt.ballot, attempt.value.view()});
  }
}

void PaxosCore::check_phase_1(const Buffer& name, Attempt& attempt) {
  if (outcome_of(attempt) != quorum::Outcome::won) {
    return;
  }
  if (attempt.found.is_none() && !attempt.wish) {
    trace(Branch::read_finds_nothing, attempt.ballot.round);
    serve(attempt.reads);
    if (attempt.late_reads.empty()) {
      attempts_.erase(attempts_.find(name));
    } else {
      begin_round(name, attempt);  // of them this round says nothing: it may have been overtaken before they came
    }
    return;
  }
  if (attempt.found.is_none() || (QUORATE_PLANT(own_value_over_found) && attempt.wish)) {
    trace(Branch::own_value_proposed, attempt.ballot.round);
    attempt.value = *attempt.wish;
  } else {
    trace(attempt.wish ? Branch::value_adopted : Branch::read_finishes, attempt.ballot.round, attempt.found.round);
    if (QUORATE_PLANT(reader_takes_found_for_chosen) && !attempt.wish) {
      decide(name, Buffer(attempt.value));
      return;
    }
  }
  begin_phase_2(name, attempt);
}

void PaxosCore::begin_phase_2(const Buffer& name, Attempt& attempt) {
  attempt.phase = Phase::accepting;
  attempt.answers.clear();
  attempt.is_old = false;
  send_to_voters(Accept{name.view(), attempt.ballot, attempt.value.view()});
  accept_own(name, attempt);
  if (outcome_of(attempt) == quorum::Outcome::lost) {
    back_off();
    attempt.phase = Phase::waiting;
  }
}

void PaxosCore::check_phase_2(const Buffer& name, Attempt& attempt) {
  if (outcome_of(attempt) != quorum::Outcome::won) {
    return;
  }
  trace(Branch::chosen, attempt.ballot.round);
  duels_lost_ = 0;
  const Message decided = Decided{name.view(), attempt.value.view()};
  const Buffer bytes = encode(decided);
  for (const NodeId member : membership_.all_nodes()) {
    if (member != config_.self) {
      output_.send(member, bytes);
    }
  }
  decide(name, Buffer(attempt.value));
}

// ---- answers --------------------------------------------------------------------------------------------

quorum::Outcome PaxosCore::outcome_of(const Attempt& attempt) const {
  const std::size_t needed_votes =
      attempt.phase == Phase::preparing && QUORATE_PLANT(quorums_do_not_intersect) ? 1 : needed(attempt.phase);
  std::size_t granted = 0;
  std::size_t missing = 0;
  for (const NodeId voter : voters()) {
    const quorum::Answer answer = attempt.answers.answer_of(voter);
    granted += answer == quorum::Answer::granted ? 1U : 0U;
    missing += answer == quorum::Answer::none ? 1U : 0U;
  }
  return granted >= needed_votes             ? quorum::Outcome::won
         : granted + missing >= needed_votes ? quorum::Outcome::pending
                                             : quorum::Outcome::lost;
}

/// The attempt may be over, and gone, behind this.
void PaxosCore::count(NodeId from, Buffer name, Attempt& attempt, bool granted) {
  if (!attempt.answers.record(from, granted)) {
    return;
  }
  if (outcome_of(attempt) == quorum::Outcome::lost) {
    trace(Branch::backed_off, attempt.refused_for.round);
    attempt.phase = Phase::waiting;
    back_off();
  } else if (attempt.phase == Phase::preparing) {
    check_phase_1(name, attempt);
  } else {
    check_phase_2(name, attempt);
  }
}

void PaxosCore::on(NodeId from, const Promise& message) {
  const auto at = attempts_.find(message.cell);
  const bool is_of_this_round = at != attempts_.end() && at->second.phase == Phase::preparing &&
                                (at->second.ballot == message.ballot || QUORATE_PLANT(promise_of_older_round_counts));
  if (!is_of_this_round || !is_voter(from)) {
    trace(Branch::promise_late, from.value(), message.ballot.round);
    return;
  }
  Attempt& attempt = at->second;
  const bool is_better = QUORATE_PLANT(wrong_value_in_phase_1)
                             ? attempt.found.is_none() || message.accepted < attempt.found
                             : message.accepted > attempt.found;
  if (!message.accepted.is_none() && is_better) {
    attempt.found = message.accepted;
    attempt.value = Buffer::copy_of(message.value);
  }
  count(from, at->first, attempt, true);
}

void PaxosCore::on(NodeId from, const Accepted& message) {
  const auto at = attempts_.find(message.cell);
  if (at == attempts_.end() || at->second.phase != Phase::accepting || at->second.ballot != message.ballot ||
      !is_voter(from)) {
    trace(Branch::acceptance_late, from.value(), message.ballot.round);
    return;
  }
  count(from, at->first, at->second, true);
}

void PaxosCore::on(NodeId from, const Refused& message) {
  if (message.cell.empty()) {
    on_survey_refused(from, message);
    return;
  }
  const auto at = attempts_.find(message.cell);
  if (at == attempts_.end() || at->second.phase == Phase::waiting || at->second.ballot != message.ballot) {
    return;
  }
  trace(Branch::refusal_heard, from.value(), message.promised.round);
  at->second.refused_for = std::max(at->second.refused_for, message.promised);
  count(from, at->first, at->second, false);
}

/// The own acceptor's votes count when they are durable, as any other's.
void PaxosCore::count_own_votes() {
  while (!own_votes_.empty() && own_votes_.front().io <= output_.durable()) {
    const OwnVote vote = std::move(own_votes_.front());
    own_votes_.pop_front();
    const auto at = attempts_.find(vote.cell);
    if (at != attempts_.end() && at->second.ballot == vote.ballot && at->second.phase == vote.phase) {
      count(config_.self, at->first, at->second, true);
    }
  }
}

// ---- time -----------------------------------------------------------------------------------------------

/// One timer for all cells. Duels end because each proposer waits a time of its own, longer after each that it lost
/// (P-04).
void PaxosCore::back_off() {
  if (is_backing_off_) {
    return;
  }
  is_backing_off_ = true;
  const Duration::rep doublings = Duration::rep{1} << std::min(duels_lost_, kMaxDoublings);
  const Duration longest = config_.heartbeat_interval / kBackOffsPerHeartbeat * doublings;
  output_.set_timer(TimerKind::retry, Duration(), longest);
  ++duels_lost_;
}

void PaxosCore::on_back_off_timer() {
  is_backing_off_ = false;
  for (auto& [name, attempt] : attempts_) {
    if (attempt.phase == Phase::waiting) {
      begin_round(name, attempt);
    }
  }
}

/// A timer of its own: cells that are fought over must not keep others from being asked for again.
void PaxosCore::keep_timers() {
  if (!is_patient_ && !attempts_.empty()) {
    is_patient_ = true;
    output_.set_timer(TimerKind::election, config_.heartbeat_interval, 2 * config_.heartbeat_interval);
  }
  if (!attempts_.empty()) {
    return;
  }
  if (std::exchange(is_patient_, false)) {
    emit(CancelTimer{TimerKind::election});
  }
  if (std::exchange(is_backing_off_, false)) {
    emit(CancelTimer{TimerKind::retry});
  }
}

void PaxosCore::on_patience_timer() {
  is_patient_ = false;
  for (auto& [name, attempt] : attempts_) {
    if (attempt.phase == Phase::waiting || !std::exchange(attempt.is_old, true)) {
      continue;
    }
    if (attempt.refused_for.is_none()) {
      repeat_round(name, attempt);
    } else {
      trace(Branch::round_overtaken, attempt.ballot.round);
      begin_round(name, attempt);
    }
  }
}

}  // namespace quorate::paxos
