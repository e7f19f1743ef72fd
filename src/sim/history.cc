#include "sim/history.h"

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

bool in_range(std::string_view key, std::string_view from, std::string_view end) {
  if (end.empty()) {
    return key == from;
  }
  const bool open_ended = end.size() == 1 && end[0] == '\0';
  return key >= from && (open_ended || key < end);
}

}  // namespace quorate::sim
