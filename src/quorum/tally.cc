#include "quorum/tally.h"

#include <algorithm>

namespace quorate::quorum {
namespace {

auto find_answer(const std::vector<Tally::Entry>& answers, NodeId node) {
  return std::ranges::lower_bound(answers, node, {}, &Tally::Entry::node);
}

}  // namespace

bool Tally::record(NodeId node, bool granted) {
  const auto at = find_answer(answers_, node);
  if (at != answers_.end() && at->node == node) {
    return false;
  }
  answers_.insert(at, Entry{node, granted});
  return true;
}

Answer Tally::answer_of(NodeId node) const {
  const auto at = find_answer(answers_, node);
  if (at == answers_.end() || at->node != node) {
    return Answer::none;
  }
  return at->granted ? Answer::granted : Answer::rejected;
}

Outcome Tally::outcome(const Voters& voters) const {
  return outcome_of(voters, [this](NodeId node) { return answer_of(node); });
}

bool Tally::is_unanimous(const Voters& voters) const {
  const auto granted = [this](NodeId node) { return answer_of(node) == Answer::granted; };
  return !voters.incoming.empty() && std::ranges::all_of(voters.incoming, granted) &&
         std::ranges::all_of(voters.outgoing, granted);
}

}  // namespace quorate::quorum
