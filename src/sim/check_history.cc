#include "sim/check_history.h"

#include <algorithm>
#include <set>

namespace quorate::sim {
namespace {

std::string name_of(OperationKind kind) {
  switch (kind) {
    case OperationKind::put: return "put";
    case OperationKind::erase: return "delete";
    case OperationKind::compare_and_put: return "txn";
    case OperationKind::range: return "range";
    case OperationKind::serializable_range: return "serializable range";
    case OperationKind::past_range: return "range at a revision";
    case OperationKind::lease_grant: return "lease grant";
    case OperationKind::lease_revoke: return "lease revoke";
    case OperationKind::lease_keep_alive: return "lease keep-alive";
    case OperationKind::compact: return "compact";
  }
  return "operation";
}

std::string describe(const Operation& op) {
  return name_of(op.kind) + " " + op.key + (op.value.empty() ? "" : "=" + op.value) + " of client " +
         std::to_string(op.client) + " at node " + std::to_string(op.node) + " (revision " +
         std::to_string(op.revision) + ", " + std::to_string(op.invoked.time_since_epoch().count() / 1000) + ".." +
         std::to_string(op.returned.time_since_epoch().count() / 1000) + " us)";
}

std::string at_revision(std::int64_t revision) { return "revision " + std::to_string(revision); }

/// A write that an answer says took place.
bool is_effective_write(const Operation& op) {
  switch (op.kind) {
    case OperationKind::put: return true;
    case OperationKind::compare_and_put: return op.answer.succeeded;
    case OperationKind::erase: return op.answer.deleted > 0;
    default: return false;
  }
}

/// Which operation may have made a change: by unique value for puts, by key range and interval for deletes.
class Authors {
 public:
  explicit Authors(const History& history) {
    for (const Operation& op : history.operations) {
      if (!op.value.empty()) {
        by_value_[op.value] = &op;
      }
    }
  }
  [[nodiscard]] const Operation* of_put(const Change& change) const {
    const auto found = by_value_.find(change.value);
    return found == by_value_.end() ? nullptr : found->second;
  }

 private:
  std::map<std::string, const Operation*, std::less<>> by_value_;
};

std::string check_acknowledged(const History& history, const Operation& op) {
  const auto found = history.trail.find(op.revision);
  if (found == history.trail.end()) {
    return "acknowledged but nothing happened at its revision: " + describe(op);
  }
  const Changes& changes = found->second;
  const auto has_put = [&](const std::string& key) {
    return std::any_of(changes.begin(), changes.end(), [&](const Change& change) {
      return !change.is_erase && change.key == key && change.value == op.value;
    });
  };
  if (op.kind == OperationKind::erase) {
    const bool fits = std::all_of(changes.begin(), changes.end(), [&](const Change& change) {
      return change.is_erase && in_range(change.key, op.key, op.end);
    });
    return fits && static_cast<std::int64_t>(changes.size()) == op.answer.deleted
               ? ""
               : "the trail does not show what was acknowledged: " + describe(op);
  }
  const std::size_t expected = op.other.empty() || op.other == op.key ? 1 : 2;
  if (changes.size() != expected || !has_put(op.key) || (expected == 2 && !has_put(op.other))) {
    return "the trail does not show what was acknowledged: " + describe(op);
  }
  return "";
}

/// V-09: no value appears at two revisions, none of a refused write appears, none appears unasked.
std::string check_trail(const History& history) {
  const Authors authors(history);
  std::map<std::string, std::int64_t, std::less<>> seen;
  for (const auto& [revision, changes] : history.trail) {
    for (const Change& change : changes) {
      if (change.is_erase) {
        continue;
      }
      const Operation* author = authors.of_put(change);
      if (author == nullptr) {
        return "nobody asked for " + change.key + "=" + change.value + " at " + at_revision(revision);
      }
      if (author->outcome == OperationOutcome::refused) {
        return "refused but happened at " + at_revision(revision) + ": " + describe(*author);
      }
      if (author->outcome == OperationOutcome::ok && author->revision != revision) {
        return "happened at " + at_revision(revision) + " but was acknowledged otherwise: " + describe(*author);
      }
      const auto [it, is_new] = seen.try_emplace(change.value, revision);
      if (!is_new && it->second != revision) {
        return "happened twice, at " + at_revision(it->second) + " and " + at_revision(revision) + ": " +
               describe(*author);
      }
    }
  }
  return "";
}

/// Operations whose answer fixes a place in the order.
bool has_place(const Operation& op) {
  if (op.outcome != OperationOutcome::ok) {
    return false;
  }
  switch (op.kind) {
    case OperationKind::put:
    case OperationKind::erase:
    case OperationKind::compare_and_put:
    case OperationKind::range:
    case OperationKind::lease_grant:
    case OperationKind::lease_revoke: return true;
    default: return false;
  }
}

/// Real time: sweeps invocations and returns in order of time with the greatest revision returned so far.
std::string check_real_time(const History& history) {
  struct Moment {
    Instant at;
    bool is_return;
    const Operation* op;
  };
  std::vector<Moment> moments;
  for (const Operation& op : history.operations) {
    if (has_place(op)) {
      moments.push_back({op.invoked, false, &op});
      moments.push_back({op.returned, true, &op});
    }
  }
  std::stable_sort(moments.begin(), moments.end(), [](const Moment& a, const Moment& b) {
    return a.at != b.at ? a.at < b.at : !a.is_return && b.is_return;
  });
  const Operation* latest = nullptr;
  for (const Moment& moment : moments) {
    const Operation& op = *moment.op;
    if (moment.is_return) {
      if (latest == nullptr || op.revision > latest->revision) {
        latest = &op;
      }
      continue;
    }
    if (latest == nullptr) {
      continue;
    }
    const bool too_low = is_effective_write(op) ? op.revision <= latest->revision : op.revision < latest->revision;
    if (too_low) {
      return "began after an operation with a later revision had returned: " + describe(op) + " after " +
             describe(*latest);
    }
  }
  return "";
}

/// An unknown write that did happen must not have happened before it was asked for.
std::string check_unknown(const History& history) {
  const Authors authors(history);
  for (const auto& [revision, changes] : history.trail) {
    for (const Change& change : changes) {
      const Operation* author = change.is_erase ? nullptr : authors.of_put(change);
      if (author == nullptr || author->outcome != OperationOutcome::unknown) {
        continue;
      }
      for (const Operation& op : history.operations) {
        if (has_place(op) && op.returned < author->invoked && op.revision >= revision) {
          return "happened at " + at_revision(revision) + " before it was asked for: " + describe(*author) +
                 ", seen by " + describe(op);
        }
      }
    }
  }
  return "";
}

using State = std::map<std::string, KeyValue, std::less<>>;

void apply(State& state, std::int64_t revision, const Changes& changes) {
  for (const Change& change : changes) {
    if (change.is_erase) {
      state.erase(change.key);
    } else {
      state[change.key] =
          KeyValue{change.key, change.value, change.create_revision, revision, change.version, change.lease};
    }
  }
}

/// The trail's own arithmetic: versions count puts since creation, create_revision is that of the first (2.1).
std::string check_versions(const History& history) {
  State state;
  for (const auto& [revision, changes] : history.trail) {
    for (const Change& change : changes) {
      const auto before = state.find(change.key);
      if (change.is_erase) {
        if (before == state.end()) {
          return "deleted without being there: " + change.key + " at " + at_revision(revision);
        }
        continue;
      }
      const std::int64_t version = before == state.end() ? 1 : before->second.version + 1;
      const std::int64_t created = before == state.end() ? revision : before->second.create_revision;
      if (change.version != version || change.create_revision != created) {
        return "wrong version or create_revision of " + change.key + " at " + at_revision(revision);
      }
    }
    apply(state, revision, changes);
  }
  return "";
}

std::string compare_read(const Operation& op, const State& state) {
  std::vector<KeyValue> expected;
  for (const auto& [key, kv] : state) {
    if (in_range(key, op.key, op.end)) {
      expected.push_back(kv);
    }
  }
  if (!op.answer.well_formed) {
    return "answer is not well-formed: " + describe(op);
  }
  if (op.answer.kvs != expected) {
    return "answer is not the state at its revision (" + std::to_string(op.answer.kvs.size()) + " keys, expected " +
           std::to_string(expected.size()) + "): " + describe(op);
  }
  return "";
}

/// A delete that asked for them shows what was there just before it.
bool shows_previous(const Operation& op) {
  return op.kind == OperationKind::erase && op.argument != 0 && op.answer.deleted > 0;
}

/// The revision whose state the answer shows.
std::int64_t revision_shown(const Operation& op) {
  if (op.kind == OperationKind::past_range) {
    return op.argument;
  }
  return shows_previous(op) ? op.revision - 1 : op.revision;
}

}  // namespace

std::string check_order(const History& history) {
  for (const Operation& op : history.operations) {
    if (op.outcome == OperationOutcome::ok && is_effective_write(op)) {
      if (std::string wrong = check_acknowledged(history, op); !wrong.empty()) {
        return wrong;
      }
    }
  }
  for (auto* check : {check_trail, check_versions, check_real_time, check_unknown}) {
    if (std::string wrong = check(history); !wrong.empty()) {
      return wrong;
    }
  }
  return "";
}

std::string check_reads(const History& history) {
  std::vector<std::pair<std::int64_t, const Operation*>> reads;
  for (const Operation& op : history.operations) {
    const bool is_read = op.kind == OperationKind::range || op.kind == OperationKind::serializable_range ||
                         op.kind == OperationKind::past_range ||
                         (op.kind == OperationKind::compare_and_put && !op.answer.succeeded) || shows_previous(op);
    if (op.outcome == OperationOutcome::ok && is_read) {
      reads.emplace_back(revision_shown(op), &op);
    }
  }
  std::stable_sort(reads.begin(), reads.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
  State state;
  auto next = history.trail.begin();
  for (const auto& [revision, op] : reads) {
    while (next != history.trail.end() && next->first <= revision) {
      apply(state, next->first, next->second);
      ++next;
    }
    if (std::string wrong = compare_read(*op, state); !wrong.empty()) {
      return wrong;
    }
    if (op->kind == OperationKind::compare_and_put && !op->answer.kvs.empty() &&
        op->answer.kvs[0].mod_revision == op->argument) {
      return "the compare was true but the txn says it failed: " + describe(*op);
    }
  }
  return "";
}

std::string check_watches(const History& history) {
  const std::int64_t last = history.trail.empty() ? 1 : history.trail.rbegin()->first;
  for (const WatchRecord& watch : history.watches) {
    const std::string who = "watch " + watch.key + " from " + at_revision(watch.from) + " of client " +
                            std::to_string(watch.client) + " at node " + std::to_string(watch.node);
    std::vector<WatchRecord::Told> expected;
    for (auto it = history.trail.lower_bound(watch.from); it != history.trail.end(); ++it) {
      for (const Change& change : it->second) {
        if (in_range(change.key, watch.key, watch.end)) {
          expected.push_back({it->first, change});
        }
      }
    }
    if (watch.told.size() > expected.size()) {
      return who + ": told of more than happened";
    }
    for (std::size_t i = 0; i < watch.told.size(); ++i) {
      if (watch.told[i].revision != expected[i].revision || !(watch.told[i].change == expected[i].change)) {
        return who + ": told of " + watch.told[i].change.key + " at " + at_revision(watch.told[i].revision) +
               " where " + expected[i].change.key + " at " + at_revision(expected[i].revision) + " was due";
      }
    }
    const bool cut_revision = !watch.told.empty() && watch.told.size() < expected.size() &&
                              expected[watch.told.size()].revision == watch.told.back().revision;
    if (cut_revision) {
      return who + ": told of half of " + at_revision(watch.told.back().revision);
    }
    for (const auto& [told_before, promised] : watch.progress) {
      if (told_before < expected.size() && expected[told_before].revision <= promised) {
        return who + ": progress promised " + at_revision(promised) + " before " +
               at_revision(expected[told_before].revision) + " was told";
      }
    }
    if (watch.alive_at_end && !watch.compacted && watch.told.size() != expected.size()) {
      return who + ": never told of " + at_revision(expected[watch.told.size()].revision) + " (of " +
             std::to_string(last) + ")";
    }
  }
  return "";
}

std::string check_history(const History& history) {
  for (auto* check : {check_order, check_reads, check_watches}) {
    if (std::string wrong = check(history); !wrong.empty()) {
      return wrong;
    }
  }
  return "";
}

}  // namespace quorate::sim
