#pragma once
// The interesting branches of the protocol: each has a name, emitted as a Trace effect, and counted by the simulator.
//
// Invariant: kBranchNames has one name per Branch, in the same order.

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace quorate::paxos {

/// In comments: the numbers of the event, a and b, where it has any. "Round" is that of the ballot.
enum class Branch : std::uint8_t {
  // proposers
  prepare_started,     ///< a: round
  promise_late,        ///< from a; b: round
  value_adopted,       ///< a: own round, b: round in which it was accepted
  own_value_proposed,  ///< a: round
  acceptance_late,     ///< from a; b: round
  chosen,              ///< a: round
  refusal_heard,       ///< from a; b: round of the higher ballot
  backed_off,          ///< a: round of the higher ballot; enough have refused (P-04)
  round_repeated,      ///< a: round; nobody answered in time
  round_overtaken,     ///< a: round; somebody refused, and not enough answered in time
  proposal_joins,      ///< another proposal for the cell waits here
  proposal_too_late,   ///< the cell is decided
  // acceptors
  promise_given,          ///< to a; b: round
  promise_repeated,       ///< to a; b: round
  prepare_refused,        ///< to a; b: round
  accepted,               ///< from a; b: round
  accepted_replaced,      ///< from a; b: round; another value was accepted before
  acceptance_repeated,    ///< to a; b: round
  accept_refused,         ///< to a; b: round (P-05)
  own_promise_overtaken,  ///< a: round; the own acceptor has promised a higher one since
  decision_told,          ///< to a, which asked for a cell that is decided
  // learners
  learnt,          ///< from a
  decision_known,  ///< from a
  read_of_decided,
  read_finds_nothing,    ///< a: round
  read_finishes,         ///< a: own round, b: round of the half-done proposal
  read_waits_for_round,  ///< a: round; it began before the read

  // What follows needs a malformed message, a damaged disk, a flood, or another way of asking than clients have.
  malformed_message,              ///< from a, of b bytes
  unexpected_proposer,            ///< a; b: round; of another's ballot, or asks who has no vote
  proposal_refused,               ///< too large, or too many cells are open
  read_refused,                   ///< too many wait
  disputed_decision,              ///< from a: another value than the one that is decided here
  damaged_votes_not,              ///< a asks; b: round (P-06)
  survey_started,                 ///< a: round
  survey_refused,                 ///< to a; b: round
  survey_refusal_heard,           ///< from a; b: round
  survey_answered,                ///< to a; b: how many cells
  survey_answered_conditionally,  ///< to a; b: how many cells
  survey_ignored,                 ///< of a; the own memory is lost too
  survey_page,                    ///< from a; b: how many cells
  memory_regained,                ///< a: round
  membership_is_fixed,
  count_of_branches,
};

inline constexpr Branch kFirstRareBranch = Branch::malformed_message;
inline constexpr std::size_t kBranchCount = static_cast<std::size_t>(Branch::count_of_branches);

inline constexpr std::array<std::string_view, kBranchCount> kBranchNames = {
    "paxos.prepare_started",      "paxos.promise_late",
    "paxos.value_adopted",        "paxos.own_value_proposed",
    "paxos.acceptance_late",      "paxos.chosen",
    "paxos.refusal_heard",        "paxos.backed_off",
    "paxos.round_repeated",       "paxos.round_overtaken",
    "paxos.proposal_joins",       "paxos.proposal_too_late",
    "paxos.promise_given",        "paxos.promise_repeated",
    "paxos.prepare_refused",      "paxos.accepted",
    "paxos.accepted_replaced",    "paxos.acceptance_repeated",
    "paxos.accept_refused",       "paxos.own_promise_overtaken",
    "paxos.decision_told",        "paxos.learnt",
    "paxos.decision_known",       "paxos.read_of_decided",
    "paxos.read_finds_nothing",   "paxos.read_finishes",
    "paxos.read_waits_for_round", "paxos.malformed_message",
    "paxos.unexpected_proposer",  "paxos.proposal_refused",
    "paxos.read_refused",         "paxos.disputed_decision",
    "paxos.damaged_votes_not",    "paxos.survey_started",
    "paxos.survey_refused",       "paxos.survey_refusal_heard",
    "paxos.survey_answered",      "paxos.survey_answered_conditionally",
    "paxos.survey_ignored",       "paxos.survey_page",
    "paxos.memory_regained",      "paxos.membership_is_fixed",
};
static_assert(!kBranchNames.back().empty(), "one name per branch");

[[nodiscard]] constexpr std::string_view name_of(Branch branch) {
  return kBranchNames[static_cast<std::size_t>(branch)];
}

}  // namespace quorate::paxos
