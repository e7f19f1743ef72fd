#pragma once
// Majorities and joint majorities: when votes decide, and how far a majority has come.
//
// Invariants: 1. any two winning sets of votes of one Voters share a voter. 2. during a joint change a decision needs
//                a majority of each half, never of their union (thesis 4.3). 3. nodes that are no voters never count.
// Pure arithmetic on any thread; allocates nothing.

#include <cstddef>
#include <cstdint>
#include <span>

#include "base/ids.h"

namespace quorate::quorum {

/// How many of `voters` make a majority. Of none: one, so that an empty group never decides.
[[nodiscard]] constexpr std::size_t majority_of(std::size_t voters) { return voters / 2 + 1; }

/// Who decides. `outgoing` is empty unless the group is changing from one set of voters to another.
struct Voters {
  std::span<const NodeId> incoming;
  std::span<const NodeId> outgoing;

  /// True while both sets must agree.
  [[nodiscard]] bool is_joint() const { return !outgoing.empty(); }
};

enum class Answer : std::uint8_t { none, granted, rejected };

enum class Outcome : std::uint8_t {
  pending,  ///< the missing answers decide
  won,
  lost,  ///< whatever the missing answers are, it cannot be won
};

/// The outcome among one set. `answer_of(NodeId)` gives each voter's Answer.
template <class AnswerOf>
[[nodiscard]] Outcome outcome_of_half(std::span<const NodeId> voters, const AnswerOf& answer_of) {
  std::size_t granted = 0;
  std::size_t missing = 0;
  for (const NodeId voter : voters) {
    const Answer answer = answer_of(voter);
    granted += answer == Answer::granted ? 1U : 0U;
    missing += answer == Answer::none ? 1U : 0U;
  }
  const std::size_t needed = majority_of(voters.size());
  if (granted >= needed) {
    return Outcome::won;
  }
  return granted + missing >= needed ? Outcome::pending : Outcome::lost;
}

/// The outcome among both halves: won by both, lost by either.
template <class AnswerOf>
[[nodiscard]] Outcome outcome_of(const Voters& voters, const AnswerOf& answer_of) {
  const Outcome incoming = outcome_of_half(voters.incoming, answer_of);
  if (!voters.is_joint()) {
    return incoming;
  }
  const Outcome outgoing = outcome_of_half(voters.outgoing, answer_of);
  if (incoming == Outcome::lost || outgoing == Outcome::lost) {
    return Outcome::lost;
  }
  return incoming == Outcome::won && outgoing == Outcome::won ? Outcome::won : Outcome::pending;
}

/// The highest value that `needed` of `voters` have reached; `value_of(NodeId)` gives each voter's, Value{} if none.
template <class Value, class ValueOf>
[[nodiscard]] Value reached_by_count(std::span<const NodeId> voters, const ValueOf& value_of, std::size_t needed) {
  Value best{};
  for (const NodeId candidate : voters) {
    const Value value = value_of(candidate);
    if (value <= best) {
      continue;
    }
    std::size_t reached = 0;
    for (const NodeId voter : voters) {
      reached += value_of(voter) >= value ? 1U : 0U;
    }
    if (reached >= needed) {
      best = value;
    }
  }
  return best;
}

/// The highest value that a majority of each half has reached: for log positions, what may be committed.
template <class Value, class ValueOf>
[[nodiscard]] Value reached_by_majority(const Voters& voters, const ValueOf& value_of) {
  const Value incoming = reached_by_count<Value>(voters.incoming, value_of, majority_of(voters.incoming.size()));
  if (!voters.is_joint()) {
    return incoming;
  }
  const Value outgoing = reached_by_count<Value>(voters.outgoing, value_of, majority_of(voters.outgoing.size()));
  return incoming < outgoing ? incoming : outgoing;
}

}  // namespace quorate::quorum
