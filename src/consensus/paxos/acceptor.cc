// The acceptor: what it promises, what it accepts ("Paxos Made Simple", section 2.2).

#include <algorithm>
#include <utility>

#include "base/assert.h"
#include "base/plant.h"
#include "consensus/paxos/core.h"

namespace quorate::paxos {

using namespace consensus;  // NOLINT(google-build-using-namespace)

bool PaxosCore::may_vote(NodeId from, ByteView name, const Ballot& ballot) {
  if (ballot.proposer != from) {
    trace(Branch::unexpected_proposer, from.value(), ballot.round);
    return false;
  }
  if (const auto cell = cells_.find(name); cell != cells_.end() && cell->second.decided) {
    trace(Branch::decision_told, from.value());
    send(from, Decided{name, cell->second.value.view()});  // true whether or not it is durable here
    return false;
  }
  if (!is_voter(config_.self)) {
    trace(Branch::unexpected_proposer, from.value(), ballot.round);
    return false;
  }
  if (!votes()) {
    trace(Branch::damaged_votes_not, from.value(), ballot.round);
    return false;
  }
  return true;
}

void PaxosCore::refuse(NodeId to, ByteView name, const Ballot& ballot, const Cell& cell) {
  send(to, Refused{name, ballot, promised(cell)}, cell.written);
}

void PaxosCore::on(NodeId from, const Prepare& message) {
  if (!may_vote(from, message.cell, message.ballot)) {
    return;
  }
  const auto known = cells_.find(message.cell);
  if (message.ballot > (known == cells_.end() ? floor_ : promised(known->second))) {
    Cell& cell = cell_of(message.cell);
    trace(Branch::promise_given, from.value(), message.ballot.round);
    cell.promised = message.ballot;
    if (QUORATE_PLANT(promise_forgotten)) {
      highest_round_ = std::max(highest_round_, message.ballot.round);  // told, and never written
    } else {
      write(cells_.find(message.cell)->first, cell);
    }
    send(from, Promise{message.cell, message.ballot, cell.accepted, cell.value.view()}, cell.written);
    return;
  }
  const Cell nothing;
  const Cell& cell = known == cells_.end() ? nothing : known->second;
  if (message.ballot == cell.promised && message.ballot > floor_) {
    trace(Branch::promise_repeated, from.value(), message.ballot.round);
    send(from, Promise{message.cell, message.ballot, cell.accepted, cell.value.view()}, cell.written);
    return;
  }
  trace(Branch::prepare_refused, from.value(), message.ballot.round);
  refuse(from, message.cell, message.ballot, cell);
}

void PaxosCore::on(NodeId from, const Accept& message) {
  if (!may_vote(from, message.cell, message.ballot)) {
    return;
  }
  const auto known = cells_.find(message.cell);
  const Cell nothing;
  const Ballot promise = known == cells_.end() ? floor_ : promised(known->second);
  if (message.ballot < promise && !QUORATE_PLANT(accept_below_promise)) {
    trace(Branch::accept_refused, from.value(), message.ballot.round);
    refuse(from, message.cell, message.ballot, known == cells_.end() ? nothing : known->second);
    return;
  }
  Cell& cell = cell_of(message.cell);
  if (cell.accepted == message.ballot) {
    trace(Branch::acceptance_repeated, from.value(), message.ballot.round);
  } else {
    const bool is_other = !cell.accepted.is_none() && cell.value.view() != message.value;
    trace(is_other ? Branch::accepted_replaced : Branch::accepted, from.value(), message.ballot.round);
    cell.promised = std::max(cell.promised, message.ballot);
    cell.accepted = message.ballot;
    cell.value = Buffer::copy_of(message.value);
    write(cells_.find(message.cell)->first, cell);
  }
  send(from, Accepted{message.cell, message.ballot}, QUORATE_PLANT(accepted_before_durable) ? Io() : cell.written);
}

// ---- the own acceptor of a proposer: as any other, but that nothing travels ---------------------------------

void PaxosCore::promise_own(const Buffer& name, Attempt& attempt) {
  if (!votes()) {
    return;
  }
  Cell& cell = cell_of(name.view());
  QUORATE_ASSERT(attempt.ballot > promised(cell), "a round is above what was promised", attempt.ballot.round,
                 cell.promised.round);
  cell.promised = attempt.ballot;
  write(name, cell);
  attempt.found = cell.accepted;
  attempt.value = cell.value;
  own_votes_.push_back({cell.written, name, attempt.ballot, Phase::preparing});
}

void PaxosCore::accept_own(const Buffer& name, Attempt& attempt) {
  if (!votes()) {
    return;
  }
  Cell& cell = cell_of(name.view());
  if (attempt.ballot < promised(cell)) {
    trace(Branch::own_promise_overtaken, attempt.ballot.round);
    attempt.refused_for = std::max(attempt.refused_for, promised(cell));
    (void)attempt.answers.record(config_.self, false);
    return;
  }
  cell.promised = attempt.ballot;
  cell.accepted = attempt.ballot;
  cell.value = attempt.value;
  write(name, cell);
  own_votes_.push_back({cell.written, name, attempt.ballot, Phase::accepting});
}

}  // namespace quorate::paxos
