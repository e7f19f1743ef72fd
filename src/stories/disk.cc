#include "stories/disk.h"

#include "base/match.h"
#include "stories/words.h"

namespace quorate::stories {

using namespace consensus;  // NOLINT(google-build-using-namespace)

void Disk::apply(const Persist& write) {
  for (const PersistOp& op : write.ops) {
    std::visit(Match{[this](const SetState& one) { state = one.blob; },
                     [this](const Put& one) { log[one.entry.id.position] = one.entry; },
                     [this](const TruncateFrom& one) { log.erase(log.lower_bound(one.position), log.end()); },
                     [this](const DiscardBelow& one) {
                       discarded = one.id;
                       membership = one.membership;
                       log.erase(log.begin(), log.upper_bound(one.id.position));
                     },
                     [this](const ResetTo& one) {
                       discarded = one.snapshot;
                       membership = one.membership;
                       log.erase(log.begin(), one.keeps_later ? log.upper_bound(one.snapshot.position) : log.end());
                     },
                     [this](const SetCell& one) { cells[std::string(one.key.view())] = one.blob; }},
               op);
  }
}

PersistedState Disk::persisted_state() const {
  PersistedState persisted;
  persisted.state = state;
  persisted.discarded = discarded;
  persisted.membership = membership;
  persisted.applied = discarded.position;
  for (const auto& [key, blob] : cells) {
    persisted.cells.emplace_back(Buffer::copy_of(key), blob);
  }
  for (const auto& [position, entry] : log) {
    persisted.log.push_back({entry.id, entry.kind, entry.kind == EntryKind::configuration ? entry.payload : Buffer()});
  }
  return persisted;
}

std::string Disk::cells_words(const CellWords& cell_words) const {
  std::string text;
  for (const auto& [key, blob] : cells) {
    text += (text.empty() ? "" : "; ") + cell_words(key, blob.view());
  }
  return "cells [" + text + "]";
}

std::string Disk::log_words() const {
  std::string text = "log";
  if (!discarded.position.is_none()) {
    text += " [.." + words(discarded) + "]";
  }
  for (const auto& [position, entry] : log) {
    text += " " + words(entry) + ",";
  }
  if (text.ends_with(',')) {
    text.pop_back();
  }
  return text;
}

}  // namespace quorate::stories
