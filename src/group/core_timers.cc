#include "group/core_timers.h"

#include "base/assert.h"

namespace quorate::group {

using consensus::TimerKind;

void CoreTimers::set(const consensus::SetTimer& timer) {
  QUORATE_ASSERT(timer.min.count() >= 0 && timer.min <= timer.max, "a timer's range is in order", timer.min.count(),
                 timer.max.count());
  const std::uint64_t delay =
      entropy_.between(static_cast<std::uint64_t>(timer.min.count()), static_cast<std::uint64_t>(timer.max.count()));
  const Instant deadline = clock_.now() + Duration(static_cast<Duration::rep>(delay));
  const auto kind = static_cast<std::size_t>(timer.kind);
  Slot& slot = slots_.at(kind);
  if (slot.armed != 0 && slot.armed_for <= deadline) {
    slot.deadline = deadline;
    return;
  }
  loop_.cancel(slot.armed);
  arm(kind, deadline);
}

void CoreTimers::arm(std::size_t kind, Instant deadline) {
  slots_[kind] = {loop_.arm(deadline, Callback<>::to<&CoreTimers::on_fired>(this, kind)), deadline, deadline};
}

void CoreTimers::on_fired(std::uint64_t kind) {
  Slot& slot = slots_.at(kind);
  slot.armed = 0;
  if (clock_.now() < slot.deadline) {
    arm(kind, slot.deadline);
    return;
  }
  fired_(static_cast<TimerKind>(kind));
}

void CoreTimers::cancel(TimerKind kind) {
  Slot& slot = slots_.at(static_cast<std::size_t>(kind));
  if (slot.armed != 0) {
    loop_.cancel(slot.armed);
    slot.armed = 0;
  }
}

void CoreTimers::stop() {
  for (std::size_t kind = 0; kind < slots_.size(); ++kind) {
    cancel(static_cast<TimerKind>(kind));
  }
}

}  // namespace quorate::group
