#include "storage/log_damage.h"

#include <utility>

#include "base/plant.h"

namespace quorate::storage {
namespace {

/// The latest entry that the group is known to have had: the greatest tag, then the greatest position.
EntryId latest_of(const RecoveredGroup& group) {
  EntryId latest = group.discarded;
  for (const LogEntry& entry : group.entries) {
    if (std::pair(entry.id.tag, entry.id.position) > std::pair(latest.tag, latest.position)) {
      latest = entry.id;
    }
  }
  return latest;
}

}  // namespace

std::vector<RecoveredGroup> LogDamage::judge(const LogIndex& index) const {
  std::vector<RecoveredGroup> groups = index.recovered();
  if (!lost_frames() || QUORATE_PLANT(believes_frames_behind_damage)) {
    return groups;
  }
  for (RecoveredGroup& group : groups) {
    const LogIndex::Behind whole = index.stands_behind(group.group, behind_serial_);
    group.state_lost = !whole.state;
    if (!whole.log) {
      group.log_lost = true;
      group.lost_end = latest_of(group);
      group.entries.clear();
      group.unreadable.clear();
    }
  }
  return groups;
}

}  // namespace quorate::storage
