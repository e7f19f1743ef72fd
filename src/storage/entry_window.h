#pragma once
// The entries of one group that the log holds: position to tag, kind and payload, or to where the payload lies.
//
// Invariants: 1. lookups by position are constant time; an empty window allocates nothing, so idle groups are cheap.
// 2. a slot without serial is a hole. 3. the first and last slot are no holes.
// Owned by the log's index.

#include <cstddef>
#include <cstdint>
#include <vector>

#include "base/assert.h"
#include "base/bytes.h"
#include "base/ids.h"

namespace quorate::storage {

struct EntrySlot {
  Tag tag;
  std::uint64_t serial = 0;    ///< of the frame that wrote it; 0: a hole
  std::uint32_t offset = 0;    ///< of the payload in its segment, once the frame is placed
  std::uint32_t size = 0;      ///< of the payload
  std::uint32_t checksum = 0;  ///< of the payload
  std::uint8_t kind = 0;
  bool in_memory = true;
  bool damaged = false;  ///< the payload does not have its checksum; never in memory
  Buffer payload;        ///< if in memory
};

class EntryWindow {
 public:
  /// A gap this large in one group's log is a caller's mistake, not a protocol's hole.
  static constexpr std::uint64_t kLargestGap = 1ULL << 20;

  [[nodiscard]] bool empty() const { return head_ == slots_.size(); }
  [[nodiscard]] Position first() const { return first_; }
  /// The position behind the last one.
  [[nodiscard]] Position end() const { return Position(first_.value() + (slots_.size() - head_)); }

  /// The entry at `position`; null if there is none.
  [[nodiscard]] EntrySlot* find(Position position) {
    return const_cast<EntrySlot*>(static_cast<const EntryWindow*>(this)->find(position));
  }
  [[nodiscard]] const EntrySlot* find(Position position) const {
    if (position < first_ || position >= end()) {
      return nullptr;
    }
    const EntrySlot& slot = slots_[head_ + (position.value() - first_.value())];
    return slot.serial == 0 ? nullptr : &slot;
  }

  /// The slot of `position`, made as a hole if it was outside; the caller fills it at once.
  [[nodiscard]] EntrySlot& at(Position position) {
    if (empty()) {
      clear();
      first_ = position;
    }
    if (position < first_) {
      const std::uint64_t gap = first_.value() - position.value();
      QUORATE_ASSERT(gap <= kLargestGap, "a log has no such gaps", position, first_);
      slots_.insert(slots_.begin() + static_cast<std::ptrdiff_t>(head_), gap, EntrySlot{});
      first_ = position;
    }
    if (position >= end()) {
      QUORATE_ASSERT(position.value() - end().value() <= kLargestGap, "a log has no such gaps", position, end());
      slots_.resize(head_ + (position.value() - first_.value()) + 1);
    }
    return slots_[head_ + (position.value() - first_.value())];
  }

  /// Removes the entries at and behind `position`; `removed(slot)` is called for each.
  template <class Removed>
  void truncate_from(Position position, Removed removed) {
    while (!empty() && (end() > position || slots_.back().serial == 0)) {
      if (slots_.back().serial != 0) {
        removed(slots_.back());
      }
      slots_.pop_back();
    }
  }
  /// Removes the entries up to and including `position`; `removed(slot)` is called for each.
  template <class Removed>
  void discard_up_to(Position position, Removed removed) {
    while (!empty() && (first_ <= position || slots_[head_].serial == 0)) {
      if (slots_[head_].serial != 0) {
        removed(slots_[head_]);
        slots_[head_] = EntrySlot{};
      }
      ++head_;
      first_ = first_.next();
    }
    tidy();
  }

 private:
  void clear() {
    slots_.clear();
    head_ = 0;
  }
  /// Gives back the space in front once it is more than what is used.
  void tidy() {
    if (empty()) {
      std::vector<EntrySlot>().swap(slots_);
      head_ = 0;
    } else if (head_ > 64 && head_ > slots_.size() / 2) {
      slots_.erase(slots_.begin(), slots_.begin() + static_cast<std::ptrdiff_t>(head_));
      head_ = 0;
      if (slots_.capacity() > 4 * slots_.size()) {
        slots_.shrink_to_fit();
      }
    }
  }

  Position first_{1};
  std::vector<EntrySlot> slots_;
  std::size_t head_ = 0;  ///< slots in front of it are gone
};

}  // namespace quorate::storage
