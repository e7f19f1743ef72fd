#include "env_posix/timer_heap.h"

#include "base/assert.h"

namespace quorate::env_posix {

env::TimerId TimerHeap::arm(Instant deadline, Callback<> fired) {
  std::uint32_t slot = free_;
  if (slot == kNoSlot) {
    QUORATE_ASSERT(slots_.size() < kNoSlot, "timer slots are left", slots_.size());
    slot = static_cast<std::uint32_t>(slots_.size());
    slots_.emplace_back();
  } else {
    free_ = slots_[slot].heap_index;
  }
  slots_[slot].fired = fired;
  ++slots_[slot].use;
  const auto index = static_cast<std::uint32_t>(heap_.size());
  heap_.emplace_back();
  sift_up(index, Item{deadline, next_order_++, slot});
  return static_cast<env::TimerId>(slots_[slot].use) << 32 | slot;
}

void TimerHeap::cancel(env::TimerId timer) {
  const auto slot = static_cast<std::uint32_t>(timer);
  const auto use = static_cast<std::uint32_t>(timer >> 32);
  if (slot >= slots_.size() || slots_[slot].use != use || use % 2 == 0) {
    return;
  }
  remove(slots_[slot].heap_index);
  release(slot);
}

Callback<> TimerHeap::take_due(Instant now, std::uint64_t mark) {
  if (heap_.empty() || heap_.front().deadline > now || heap_.front().order >= mark) {
    return {};
  }
  const std::uint32_t slot = heap_.front().slot;
  const Callback<> fired = slots_[slot].fired;
  remove(0);
  release(slot);
  return fired;
}

void TimerHeap::place(std::uint32_t index, const Item& item) {
  heap_[index] = item;
  slots_[item.slot].heap_index = index;
}

void TimerHeap::sift_up(std::uint32_t index, const Item& item) {
  while (index > 0) {
    const std::uint32_t parent = (index - 1) / 2;
    if (!before(item, heap_[parent])) {
      break;
    }
    place(index, heap_[parent]);
    index = parent;
  }
  place(index, item);
}

void TimerHeap::sift_down(std::uint32_t index, const Item& item) {
  const auto size = static_cast<std::uint32_t>(heap_.size());
  while (true) {
    std::uint32_t child = 2 * index + 1;
    if (child >= size) {
      break;
    }
    if (child + 1 < size && before(heap_[child + 1], heap_[child])) {
      ++child;
    }
    if (!before(heap_[child], item)) {
      break;
    }
    place(index, heap_[child]);
    index = child;
  }
  place(index, item);
}

void TimerHeap::remove(std::uint32_t index) {
  const Item last = heap_.back();
  heap_.pop_back();
  if (index == heap_.size()) {
    return;
  }
  if (index > 0 && before(last, heap_[(index - 1) / 2])) {
    sift_up(index, last);
  } else {
    sift_down(index, last);
  }
}

void TimerHeap::release(std::uint32_t slot) {
  slots_[slot].fired = {};
  ++slots_[slot].use;
  slots_[slot].heap_index = free_;
  free_ = slot;
}

}  // namespace quorate::env_posix
