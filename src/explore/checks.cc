#include "explore/checks.h"

#include <algorithm>

#include "explore/words.h"
#include "quorum/quorum.h"

namespace quorate::explore {

using namespace consensus;  // NOLINT(google-build-using-namespace)

namespace {

bool is_durable_on_majority(EntryId id, const Membership& membership, Replicas replicas) {
  const auto answer_of = [&](NodeId node) {
    const bool has = node.value() <= replicas.size() && replicas[node.value() - 1]->durable.has(id);
    return has ? quorum::Answer::granted : quorum::Answer::none;
  };
  const quorum::Voters voters{membership.voters, membership.outgoing_voters};
  return quorum::outcome_of(voters, answer_of) == quorum::Outcome::won;
}

class Judge {
 public:
  Judge(const Replica& replica, Replicas replicas, bool ids_identify_prefix, History& history)
      : replica_(replica), replicas_(replicas), ids_identify_prefix_(ids_identify_prefix), history_(history) {}

  std::string operator()(const RuleBroken& broken) const { return broken.words; }

  std::string operator()(const LeadTaken& lead) const {
    auto& leaders = history_.leaders;
    const auto at = std::ranges::lower_bound(leaders, lead.term, {}, &std::pair<Tag, NodeId>::first);
    if (at != leaders.end() && at->first == lead.term) {
      return at->second == replica_.id ? ""
                                       : "election safety: " + words(at->second) + " and " + words(replica_.id) +
                                             " both lead term " + words(lead.term.value());
    }
    leaders.insert(at, {lead.term, replica_.id});
    for (const History::Decided& decided : history_.decided) {
      if (decided.term < lead.term && !replica_.written.has(decided.entry.id)) {
        return "leader completeness: " + words(replica_.id) + " leads term " + words(lead.term.value()) + " without " +
               words(decided.entry.id) + ", decided in term " + words(decided.term.value());
      }
    }
    return "";
  }

  std::string operator()(const DecidedUpTo& reached) const {
    for (Position at = reached.before.next(); at <= reached.up_to; at = at.next()) {
      const Entry* entry = replica_.written.find(at);
      if (entry == nullptr) {
        return "state-machine safety: " + words(replica_.id) + " decides " + words(at.value()) +
               ", which is not in its log";
      }
      std::string broken = at.value() <= history_.decided.size() ? compare(*entry, history_.decided[at.value() - 1])
                                                                 : enter(*entry, reached);
      if (!broken.empty()) {
        return broken;
      }
    }
    return "";
  }

  std::string operator()(const DecidedCell& decided) const {
    const auto known = std::ranges::find(history_.cells, decided.cell, &std::pair<std::string, std::string>::first);
    if (known == history_.cells.end()) {
      history_.cells.emplace_back(decided.cell, decided.value);
      return "";
    }
    return known->second == decided.value ? ""
                                          : "one value per cell: " + decided.cell + " was decided as " + known->second +
                                                " and " + words(replica_.id) + " takes it for " + decided.value;
  }

  std::string operator()(const ReadServed& served) const {
    const auto at = find(served.context);
    if (at == history_.reads.end()) {
      return "reads: " + words(replica_.id) + " serves what nobody asked for";
    }
    if (served.position < at->must_include) {
      return "linearizable reads: " + words(replica_.id) + " serves a read at " + words(served.position.value()) +
             " that was asked for when " + words(at->must_include.value()) + " was decided";
    }
    history_.reads.erase(at);
    return "";
  }

  std::string operator()(const ReadDropped& dropped) const {
    if (const auto at = find(dropped.context); at != history_.reads.end()) {
      history_.reads.erase(at);
    }
    return "";
  }

 private:
  [[nodiscard]] std::vector<History::OpenRead>::iterator find(Context context) const {
    return std::ranges::find_if(history_.reads, [&](const History::OpenRead& read) {
      return read.node == replica_.id && read.context == context;
    });
  }

  [[nodiscard]] std::string compare(const Entry& entry, const History::Decided& known) const {
    if (known.entry == entry) {
      return "";
    }
    return "state-machine safety: position " + words(entry.id.position.value()) + " was decided as " +
           words({known.entry}) + " and " + words(replica_.id) + " decides " + words({entry});
  }

  /// The first decision about a position. What it drags along from before its last entry is decided by that one.
  [[nodiscard]] std::string enter(const Entry& entry, const DecidedUpTo& reached) const {
    history_.decided.push_back({.entry = entry, .term = reached.term});
    if (entry.id.position != reached.up_to) {
      return "";
    }
    if (ids_identify_prefix_ && reached.leads && entry.id.tag != reached.term) {
      return "own-term commit: " + words(replica_.id) + " leads term " + words(reached.term.value()) + " and decides " +
             words(entry.id) + " by counting";
    }
    if (!is_durable_on_majority(entry.id, replica_.core->status().membership, replicas_)) {
      return "commit durable on a majority: " + words(replica_.id) + " decides " + words(entry.id) +
             ", and crashes may take it from a majority";
    }
    return "";
  }

  const Replica& replica_;
  Replicas replicas_;
  bool ids_identify_prefix_;
  History& history_;
};

}  // namespace

std::string check_note(const Note& note, NodeId node, Replicas replicas, bool ids_identify_prefix, History& history) {
  return std::visit(Judge(*replicas[node.value() - 1], replicas, ids_identify_prefix, history), note);
}

std::string check_log_matching(NodeId node, Replicas replicas) {
  const Replica& replica = *replicas[node.value() - 1];
  for (const Replica* other : replicas) {
    bool is_shared = false;
    for (std::size_t at = std::min(other->written.log.size(), replica.written.log.size()); at > 0; --at) {
      const Entry& theirs = other->written.log[at - 1];
      const Entry& own = replica.written.log[at - 1];
      is_shared |= theirs.id == own.id;
      if (is_shared && !(theirs == own)) {
        return "log matching: " + words(replica.id) + " and " + words(other->id) +
               " share a later entry and differ at " + words(std::uint64_t{at});
      }
    }
  }
  return "";
}

}  // namespace quorate::explore
