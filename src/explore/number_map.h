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
    if ((used_ + 1) * 4 > keys_.size() * 3) {
      grow();
    }
    key = key == 0 ? 1 : key;
    const std::size_t slot = slot_of(key);
    used_ += keys_[slot] == 0 ? 1 : 0;
    keys_[slot] = key;
    return numbers_[slot];
  }
  [[nodiscard]] std::size_t size() const { return used_; }

 private:
  static constexpr std::size_t kFirstSlots = 1024;

  [[nodiscard]] std::size_t slot_of(std::uint64_t key) const {
    std::size_t at = key & (keys_.size() - 1);
    while (keys_[at] != 0 && keys_[at] != key) {
      at = (at + 1) & (keys_.size() - 1);
    }
    return at;
  }
  void grow() {
    const std::vector<std::uint64_t> keys = std::exchange(keys_, std::vector<std::uint64_t>(2 * keys_.size()));
    const std::vector<std::uint32_t> numbers = std::exchange(numbers_, std::vector<std::uint32_t>(keys_.size(), kNone));
    for (std::size_t at = 0; at < keys.size(); ++at) {
      if (keys[at] != 0) {
        const std::size_t slot = slot_of(keys[at]);
        keys_[slot] = keys[at];
        numbers_[slot] = numbers[at];
      }
    }
  }

  std::vector<std::uint64_t> keys_ = std::vector<std::uint64_t>(kFirstSlots);  ///< 0: free
  std::vector<std::uint32_t> numbers_ = std::vector<std::uint32_t>(kFirstSlots, kNone);
  std::size_t used_ = 0;
};

}  // namespace quorate::explore
