// The hash of a replica's state in normal form, for the explorer: replicas that will behave alike hash alike. Times and
// pointers are not in it; writes count from the last durable one.

#include "consensus/paxos/core.h"

namespace quorate::paxos {
namespace {

void add(Hasher& hasher, const Ballot& ballot) {
  hasher.add(ballot.round);
  hasher.add(ballot.proposer);
  hasher.add(ballot.life);
}

void add(Hasher& hasher, const Attempt& attempt) {
  hasher.add(static_cast<std::uint64_t>(attempt.phase) * 2 + (attempt.is_old ? 1 : 0));
  add(hasher, attempt.ballot);
  hasher.add(std::uint64_t{attempt.wish.has_value()});
  hasher.add(attempt.wish ? attempt.wish->view() : ByteView());
  add(hasher, attempt.found);
  hasher.add(attempt.value.view());
  hasher.add(attempt.answers.entries().size());
  for (const auto& [node, granted] : attempt.answers.entries()) {
    hasher.add(node.value() * 2 + (granted ? 1 : 0));
  }
  add(hasher, attempt.refused_for);
  for (const auto* reads : {&attempt.reads, &attempt.late_reads}) {
    hasher.add(reads->size());
    for (const Context context : *reads) {
      hasher.add(context);
    }
  }
}

}  // namespace

void PaxosCore::hash_into(Hasher& hasher) const {
  const auto relative = [&](Io io) {
    return io > output_.durable() ? io.value() - output_.durable().value() : std::uint64_t{0};
  };
  hasher.add(config_.self);
  add(hasher, floor_);
  hasher.add(highest_round_);
  hasher.add(cells_.size());
  for (const auto& [name, cell] : cells_) {
    hasher.add(name.view());
    add(hasher, cell.promised);
    add(hasher, cell.accepted);
    hasher.add(cell.value.view());
    hasher.add(std::uint64_t{cell.decided});
    hasher.add(relative(cell.written));
  }
  hasher.add(attempts_.size());
  for (const auto& [name, attempt] : attempts_) {
    hasher.add(name.view());
    add(hasher, attempt);
  }
  hasher.add(own_votes_.size());
  for (const OwnVote& vote : own_votes_) {
    hasher.add(relative(vote.io));
    hasher.add(vote.cell.view());
    add(hasher, vote.ballot);
    hasher.add(static_cast<std::uint64_t>(vote.phase));
  }
  hasher.add(relative(output_.issued()));
  hasher.add(relative(output_.state_write()));
  hasher.add(relative(regained_));
  hasher.add((is_patient_ ? 1U : 0U) | (is_backing_off_ ? 2U : 0U));
  hasher.add((uncertain_tail_ ? 1U : 0U) | (survey_ ? 2U : 0U));
  hasher.add(static_cast<std::uint64_t>(loss_.kind));
  if (!survey_) {
    return;
  }
  add(hasher, survey_->ballot);
  hasher.add(survey_->refused_for);
  for (const auto& [node, told] : survey_->told) {
    hasher.add(node);
    hasher.add(told.after.view());
    hasher.add((told.complete ? 1U : 0U) | (told.conditional ? 2U : 0U));
  }
  for (const auto& [name, found] : survey_->found) {
    hasher.add(name.view());
    add(hasher, found.accepted);
    hasher.add(found.value.view());
  }
}

}  // namespace quorate::paxos
