#include "group/record_pins.h"

#include "base/plant.h"

namespace quorate::group {

void RecordPins::serve(const state::RecordSpace& space, Position written) {
  std::vector<Waiting> due;
  std::erase_if(waiting_, [&](const Waiting& each) {
    const bool is_due = each.at_least <= written || QUORATE_PLANT(backup_not_awaited);
    if (is_due) {
      due.push_back(each);
    }
    return is_due;
  });
  if (due.empty()) {
    return;
  }
  const Buffer from = space.first();
  const Buffer to = space.behind();
  for (const Waiting& each : due) {
    each.to(PinnedRecords{.position = written,
                          .first = store_.scan(from.view(), to.view()),
                          .second = store_.scan(from.view(), to.view()),
                          .store = &store_});
  }
}

}  // namespace quorate::group
