#include "sim/history.h"

#include <algorithm>
#include <iterator>

namespace quorate::sim {

Change change_of(const kv::Event& event) {
  if (event.type == kv::Event::Type::erase) {
    Change change;
    change.is_erase = true;
    change.key = event.key.view();
    return change;
  }
  return Change{
      false,      std::string(event.key.view()), std::string(event.value.view()), event.create_revision, event.version,
      event.lease};
}

History history_until(const History& history, std::int64_t revision) {
  History until;
  std::ranges::copy_if(history.operations, std::back_inserter(until.operations), [revision](const Operation& op) {
    return op.outcome != OperationOutcome::ok || op.revision <= revision;
  });
  until.trail.insert(history.trail.begin(), history.trail.upper_bound(revision));
  until.executed_at.insert(history.executed_at.begin(), history.executed_at.upper_bound(revision));
  return until;
}

bool in_range(std::string_view key, std::string_view from, std::string_view end) {
  if (end.empty()) {
    return key == from;
  }
  const bool open_ended = end.size() == 1 && end[0] == '\0';
  return key >= from && (open_ended || key < end);
}

}  // namespace quorate::sim
