#pragma once
// Timers ordered by deadline: a binary heap over a table of slots.
//
// Invariants: 1. arm and cancel are O(log n) and allocate only while the tables grow. 2. equal deadlines fire in the
//                order in which they were armed. 3. an id is not given twice: it names slot and use of the slot.
// Owned by the event loop, on its thread.

#include <cstdint>
#include <vector>

#include "base/callback.h"
#include "base/time.h"
#include "env/loop.h"

namespace quorate::env_posix {

class TimerHeap {
 public:
  env::TimerId arm(Instant deadline, Callback<> fired);
  /// Ids that fired, were cancelled or never existed are ignored.
  void cancel(env::TimerId timer);

  [[nodiscard]] bool empty() const { return heap_.empty(); }
  /// The earliest deadline. Not for an empty heap.
  [[nodiscard]] Instant earliest() const { return heap_.front().deadline; }
  /// Numbers timers in the order in which they are armed: those at or above a mark were armed after it.
  [[nodiscard]] std::uint64_t mark() const { return next_order_; }
  /// Removes the earliest timer that is due at `now` and was armed before `mark`; an empty callback if there is none.
  [[nodiscard]] Callback<> take_due(Instant now, std::uint64_t mark);

 private:
  struct Item {
    Instant deadline;
    std::uint64_t order;
    std::uint32_t slot;
  };
  struct Slot {
    Callback<> fired;
    std::uint32_t use = 0;         ///< odd while armed
    std::uint32_t heap_index = 0;  ///< while armed; else the next free slot
  };

  static bool before(const Item& a, const Item& b) {
    return a.deadline != b.deadline ? a.deadline < b.deadline : a.order < b.order;
  }
  void place(std::uint32_t index, const Item& item);
  void sift_up(std::uint32_t index, const Item& item);
  void sift_down(std::uint32_t index, const Item& item);
  void remove(std::uint32_t index);
  void release(std::uint32_t slot);

  std::vector<Item> heap_;
  std::vector<Slot> slots_;
  std::uint64_t next_order_ = 0;
  static constexpr std::uint32_t kNoSlot = 0xFFFFFFFF;
  std::uint32_t free_ = kNoSlot;
};

}  // namespace quorate::env_posix
