// An acceptor that lost its memory, and how it gets it back (P-06; "Paxos Made Live", section 5.1).
//
// It may have promised and accepted anything, in any cell, and told so. So it votes for nothing. It runs phase 1 of one
// ballot for all cells at once: others promise that ballot in every cell and tell what they have accepted. When enough
// have, nothing can be chosen below that ballot any more by votes that were lost here: every quorum has one of them,
// who refuses. What can have been chosen was told by one of them, or is here; accepting that in the new ballot, as any
// proposer may after phase 1, makes this acceptor's word true again. Its ballot lies kRoundsLostAtMost rounds above all
// that it and those who answer have promised: that no lost promise was for a ballot further above is assumed.

#include <algorithm>
#include <utility>

#include "base/plant.h"
#include "consensus/paxos/core.h"

namespace quorate::paxos {

using namespace consensus;  // NOLINT(google-build-using-namespace)

namespace {

constexpr std::uint64_t kRoundsLostAtMost = 1ULL << 16;
/// Of one answer.
constexpr std::size_t kCellsPerAnswer = 256;
constexpr std::size_t kBytesPerAnswer = 256U << 10;

}  // namespace

// ---- who asks ---------------------------------------------------------------------------------------------

/// `round`: of all that is known to be promised.
void PaxosCore::begin_survey(std::uint64_t round) {
  survey_.emplace();
  survey_->ballot = {.round = round + kRoundsLostAtMost, .proposer = config_.self, .life = config_.incarnation};
  trace(Branch::survey_started, survey_->ballot.round);
  repeat_survey();
}

void PaxosCore::ask_survey(NodeId node, const SurveyUnderWay::Told& told) {
  if (!told.complete) {
    send(node, Survey{survey_->ballot, told.after.view()});
  }
}

void PaxosCore::repeat_survey() {
  if (!survey_) {
    return;
  }
  if (survey_->refused_for >= survey_->ballot.round) {
    begin_survey(survey_->refused_for);  // not at once: others may be asking too, and would go above each other
    return;
  }
  for (const NodeId voter : voters()) {
    if (voter != config_.self) {
      ask_survey(voter, survey_->told[voter]);
    }
  }
  output_.set_timer(TimerKind::heartbeat, config_.heartbeat_interval, 2 * config_.heartbeat_interval);
  check_survey();
}

void PaxosCore::on_survey_refused(NodeId from, const Refused& message) {
  if (!survey_ || message.ballot != survey_->ballot || !is_voter(from)) {
    return;
  }
  trace(Branch::survey_refusal_heard, from.value(), message.promised.round);
  survey_->refused_for = std::max(survey_->refused_for, message.promised.round);
}

void PaxosCore::on(NodeId from, const SurveyAnswer& message) {
  if (!survey_ || message.ballot != survey_->ballot || !is_voter(from)) {
    return;
  }
  SurveyUnderWay::Told& told = survey_->told[from];
  if (told.complete || told.after.view() != message.after || (message.cells.empty() && !message.last)) {
    return;  // repeated
  }
  trace(Branch::survey_page, from.value(), message.cells.size());
  for (const ToldCell& one : message.cells) {
    const auto cell = cells_.find(one.cell);
    if (cell != cells_.end() && cell->second.decided) {
      continue;
    }
    const Buffer name = Buffer::copy_of(one.cell);
    if (one.decided) {
      survey_->found.erase(name);
      decide(name, Buffer::copy_of(one.value));
    } else if (SurveyUnderWay::Found& found = survey_->found[name]; one.accepted > found.accepted) {
      found = {one.accepted, Buffer::copy_of(one.value)};
    }
  }
  if (!message.cells.empty()) {
    told.after = Buffer::copy_of(message.cells.back().cell);
  }
  told.complete = message.last;
  told.conditional = message.conditional;
  ask_survey(from, told);
  check_survey();
}

void PaxosCore::check_survey() {
  std::size_t sure = 0;
  std::size_t all = 0;
  for (const auto& [node, told] : survey_->told) {
    all += told.complete ? 1U : 0U;
    sure += told.complete && !told.conditional ? 1U : 0U;
  }
  // Where nobody is sure, all together are: one of them has what was chosen (a damaged one is not asked).
  const bool is_unanimous = !is_damaged() && all + 1 == voters().size();
  if (sure >= needed(Phase::preparing) || is_unanimous || QUORATE_PLANT(memory_regained_unasked)) {
    regain_memory();
  }
}

void PaxosCore::regain_memory() {
  const SurveyUnderWay survey = std::move(*survey_);
  survey_.reset();
  floor_ = survey.ballot;
  highest_round_ = std::max(highest_round_, floor_.round);
  output_.write_state(encode_floor(floor_));
  for (const auto& [name, found] : survey.found) {
    Cell& cell = cell_of(name.view());
    if (!cell.decided && cell.accepted < found.accepted) {
      cell.promised = survey.ballot;
      cell.accepted = survey.ballot;
      cell.value = found.value;
      write(name, cell);
    }
  }
  regained_ = output_.issued();
  emit(CancelTimer{TimerKind::heartbeat});
  trace(Branch::memory_regained, survey.ballot.round);
}

/// The replica votes again, and says so, when a crash cannot make it forget what it was told.
void PaxosCore::trust_memory() {
  if (!regained_.is_none() && regained_ <= output_.durable()) {
    regained_ = Io();
    uncertain_tail_ = false;
    loss_ = {};
  }
}

// ---- who answers ------------------------------------------------------------------------------------------

void PaxosCore::on(NodeId from, const Survey& message) {
  if (message.ballot.proposer != from || !is_voter(config_.self)) {
    trace(Branch::unexpected_proposer, from.value(), message.ballot.round);
    return;
  }
  if (is_damaged()) {
    trace(Branch::survey_ignored, from.value());
    return;
  }
  if (message.ballot != floor_ && message.ballot.round <= highest_round_) {
    trace(Branch::survey_refused, from.value(), message.ballot.round);
    Ballot promised = floor_;
    promised.round = highest_round_;
    promised.proposer = std::max(promised.proposer, NodeId(1));
    send(from, Refused{{}, message.ballot, promised}, output_.issued());
    return;
  }
  if (message.ballot != floor_) {
    floor_ = message.ballot;
    highest_round_ = floor_.round;
    output_.write_state(encode_floor(floor_));
  }
  SurveyAnswer answer{.ballot = message.ballot, .after = message.after, .conditional = uncertain_tail_, .last = true};
  std::size_t bytes = 0;
  for (auto at = cells_.upper_bound(message.after); at != cells_.end(); ++at) {
    const Cell& cell = at->second;
    if (!cell.decided && cell.accepted.is_none()) {
      continue;
    }
    if (answer.cells.size() >= kCellsPerAnswer || (bytes > 0 && bytes + cell.value.size() > kBytesPerAnswer)) {
      answer.last = false;
      break;
    }
    bytes += at->first.size() + cell.value.size();
    answer.cells.push_back({at->first.view(), cell.accepted, cell.value.view(), cell.decided});
  }
  trace(uncertain_tail_ ? Branch::survey_answered_conditionally : Branch::survey_answered, from.value(),
        answer.cells.size());
  send(from, answer, output_.issued());
}

}  // namespace quorate::paxos
