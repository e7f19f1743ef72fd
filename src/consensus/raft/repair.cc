// A replica whose disk has lost what was durable: what it may still do, and how others make it whole.
//
// It never claims a log that it does not have. If only the end of the log is gone and where it was is known
// (Loss::tail), it goes on to vote, for logs that reach as far as its own did. If it may have lost promises
// (Loss::promises), it gives no vote, and its answers count for no majority, because each might contradict what it
// promised before. In either case it does not campaign. Whether a lost entry was committed is thus decided by a
// majority that does not need this replica.
//
// Repaired is who has everything that the leader of its term knows to be committed, an entry of that term among it:
// a leader has all that was committed in earlier terms (paper 5.4.3), and what its own term committed with this
// replica's earlier acknowledgements is part of what it knows, since it forgets these when it hears of the new life.
// Who lost promises must also know that no candidate of a later term than its own still holds a vote of its earlier
// life. Only that candidate knows, so every other voter is asked for its term. Scenarios C-01, C-02, C-16, F-D6;
// "Protocol-Aware Recovery for Consensus-Based Storage" (FAST '18) shows what goes wrong otherwise.

#include <algorithm>

#include "base/plant.h"
#include "consensus/raft/core.h"

namespace quorate::raft {

using namespace consensus;  // NOLINT(google-build-using-namespace)

bool RaftCore::vouches() const { return loss_.kind != Loss::Kind::promises || QUORATE_PLANT(damaged_replica_counts); }

void RaftCore::take_loss(const Loss& loss) {
  if (QUORATE_PLANT(damaged_replica_counts)) {
    return;
  }
  loss_ = loss;
  const Tag seen = std::max(log_.last().tag, loss_.end.tag);
  if (loss_.kind == Loss::Kind::promises && seen > hard_.term) {
    hard_ = {seen, NodeId()};  // the state that said so was lost
    write_state();
  }
  ask_for_terms();
}

// ---- which terms may hold a vote of an earlier life ---------------------------------------------------------

/// A question for nothing but the answer's term, repeated. An answer to an earlier life is none (L-03).
void RaftCore::ask_for_terms() {
  if (vouches()) {
    return;
  }
  output_.set_timer(TimerKind::retry, config_.election_timeout, config_.election_timeout);
  if (hard_.term.is_none()) {
    return;  // a message needs one: the first leader tells it
  }
  const Buffer question = encode(ReadRequest{.term = hard_.term, .life = config_.incarnation, .number = 0});
  std::uint64_t asked = 0;
  for (const NodeId node : possible_voters()) {
    if (node != config_.self && !std::ranges::binary_search(terms_told_, node)) {
      output_.send(node, question);
      ++asked;
    }
  }
  if (asked > 0) {
    trace(Branch::terms_asked, asked);
  }
}

void RaftCore::on_retry_timer() { ask_for_terms(); }

void RaftCore::note_term_told(NodeId from, const Message& message) {
  const auto* answer = std::get_if<ReadResponse>(&message);
  if (vouches() || answer == nullptr || answer->life != config_.incarnation) {
    return;
  }
  const auto at = std::ranges::lower_bound(terms_told_, from);
  if (at == terms_told_.end() || *at != from) {
    trace(Branch::term_told, from.value(), answer->term.value());
    terms_told_.insert(at, from);
  }
}

bool RaftCore::knows_all_terms() const {
  return std::ranges::all_of(possible_voters(), [this](NodeId node) {
    return node == config_.self || std::ranges::binary_search(terms_told_, node);
  });
}

/// Who votes in the membership that is known to be committed, or in one behind it: who is taken out by a change that is
/// not committed may still be elected.
std::vector<NodeId> RaftCore::possible_voters() const {
  std::vector<NodeId> nodes;
  const auto add_voters = [&nodes](const MembershipHistory::Version& version) {
    for (const NodeId node : version.membership.all_nodes()) {
      if (version.membership.is_voter(node)) {
        nodes.push_back(node);
      }
    }
  };
  add_voters(memberships_.at(commit_));
  memberships_.visit_between(commit_, log_.last_position(), add_voters);
  std::ranges::sort(nodes);
  nodes.erase(std::ranges::unique(nodes).begin(), nodes.end());
  return nodes;
}

// ---- repaired -------------------------------------------------------------------------------------------

void RaftCore::check_repaired() {
  if (!is_damaged()) {
    return;
  }
  const bool has_all_committed =
      !leader_.is_none() && leader_commit_ <= verified_ && log_.tag_at(leader_commit_) == hard_.term;
  const EntryId last = log_.last();
  const bool reaches_former_end = loss_.kind == Loss::Kind::tail &&
                                  std::pair(last.tag, last.position) >= std::pair(loss_.end.tag, loss_.end.position);
  if (!reaches_former_end && (!has_all_committed || !(vouches() || knows_all_terms()))) {
    return;
  }
  trace(Branch::damage_repaired, last.position.value());
  if (!vouches()) {
    // Its earlier life may have voted in this term. It can only have been for this leader if it mattered.
    hard_.vote = leader_;
    write_state();
  }
  loss_ = {};
  terms_told_.clear();
}

// ---- the leader's side ----------------------------------------------------------------------------------

bool RaftCore::note_whether_it_counts(Progress& follower, bool uncounted) {
  if (follower.counts != uncounted) {
    return false;
  }
  follower.counts = !uncounted;
  if (uncounted) {
    trace(Branch::follower_uncounted, follower.node().value());
    return false;
  }
  trace(Branch::follower_counts_again, follower.node().value(), follower.match().value());
  return true;
}

}  // namespace quorate::raft
