#pragma once
// The answers to one question that a node asked the voters: a vote, a pre-vote, a promise.
//
// Invariants: 1. a node's first answer counts, a repeated or changed one does not. 2. only voters decide.
// A value, owned by the core that asked; cleared for the next question.

#include <vector>

#include "base/ids.h"
#include "quorum/quorum.h"

namespace quorate::quorum {

class Tally {
 public:
  void clear() { answers_.clear(); }

  /// Takes down an answer. False: this node had answered already, nothing changed.
  bool record(NodeId node, bool granted);

  [[nodiscard]] Answer answer_of(NodeId node) const;
  [[nodiscard]] Outcome outcome(const Voters& voters) const;
  /// True if every voter of both halves has granted.
  [[nodiscard]] bool is_unanimous(const Voters& voters) const;

  struct Entry {
    NodeId node;
    bool granted = false;
  };
  /// In order of nodes.
  [[nodiscard]] const std::vector<Entry>& entries() const { return answers_; }

 private:
  std::vector<Entry> answers_;  ///< sorted by node
};

}  // namespace quorate::quorum
