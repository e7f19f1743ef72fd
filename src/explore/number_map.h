#pragma once
// Numbers by 64-bit hashes, open addressing: what a hash stands for.
//
// Invariant: at most 3/4 of the slots are used. Keys are mixed already, so their low bits pick the slot; 0 counts as 1.

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

namespace quorate::explore {

/// From keys to numbers; a key that is not there has none. Nothing is ever removed.
class NumberMap {
 public:
  static constexpr std::uint32_t kNone = 0xFFFFFFFF;

  /// The number of `key`; kNone until it was set. Valid until the next call.
  [[nodiscard]] std::uint32_t& at(std::uint64_t key) {
    if ((used_ + 1) * 4 > slots_.size() * 3) {
      grow();
    }
    key = key == 0 ? 1 : key;
    Slot& slot = slots_[slot_of(key)];
    used_ += slot.key == 0 ? 1 : 0;
    slot.key = key;
    return slot.number;
  }
  [[nodiscard]] std::size_t size() const { return used_; }

 private:
  struct Slot {
    std::uint64_t key = 0;
    std::uint32_t number = kNone;
  };

  [[nodiscard]] std::size_t slot_of(std::uint64_t key) const {
    std::size_t at = key & (slots_.size() - 1);
    while (slots_[at].key != 0 && slots_[at].key != key) {
      at = (at + 1) & (slots_.size() - 1);
    }
    return at;
  }
  void grow() {
    const std::vector<Slot> old = std::exchange(slots_, std::vector<Slot>(slots_.size() * 2));
    for (const Slot& slot : old) {
      if (slot.key != 0) {
        slots_[slot_of(slot.key)] = slot;
      }
    }
  }

  std::vector<Slot> slots_ = std::vector<Slot>(1024);
  std::size_t used_ = 0;
};

}  // namespace quorate::explore
