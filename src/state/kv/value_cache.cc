#include "state/kv/value_cache.h"

namespace quorate::kv {

std::size_t ValueCache::set_of(Revision at) const {
  const std::uint64_t mixed = (static_cast<std::uint64_t>(at.main) * 0x9E3779B97F4A7C15ULL) ^
                              (static_cast<std::uint64_t>(at.sub) * 0xC2B2AE3D27D4EB4FULL);
  return static_cast<std::size_t>((mixed >> 20) & (slots_.size() / kWays - 1)) * kWays;
}

bool ValueCache::find(Revision at, Buffer& value) const {
  if (slots_.empty()) {
    return false;
  }
  const std::size_t set = set_of(at);
  for (std::size_t i = set; i < set + kWays; ++i) {
    if (slots_[i].used != 0 && slots_[i].at == at) {
      value = slots_[i].value;
      return true;
    }
  }
  return false;
}

void ValueCache::insert(Revision at, const Buffer& value) {
  if (value.size() > bound_bytes_ / 64) {
    return;
  }
  if (slots_.empty() || (filled_ > slots_.size() / 2 && slots_.size() < kMaxSlots)) {
    grow();
  }
  const std::size_t set = set_of(at);
  Slot* oldest = &slots_[set];
  for (std::size_t i = set; i < set + kWays; ++i) {
    Slot& slot = slots_[i];
    if (slot.used != 0 && slot.at == at) {
      return;
    }
    if (slot.used < oldest->used) {
      oldest = &slot;
    }
  }
  evict(*oldest);
  *oldest = {at, ++time_, value};
  ++filled_;
  bytes_ += value.size();
  while (bytes_ > bound_bytes_) {
    hand_ = hand_ + 1 < slots_.size() ? hand_ + 1 : 0;
    if (&slots_[hand_] != oldest) {
      evict(slots_[hand_]);
    }
  }
}

void ValueCache::evict(Slot& slot) {
  if (slot.used != 0) {
    bytes_ -= slot.value.size();
    --filled_;
    slot = Slot{};
  }
}

void ValueCache::grow() {
  std::vector<Slot> old(slots_.empty() ? kFirstSlots : slots_.size() * 2);
  old.swap(slots_);
  for (Slot& slot : old) {
    if (slot.used == 0) {
      continue;
    }
    const std::size_t set = set_of(slot.at);
    std::size_t to = set;
    while (to < set + kWays && slots_[to].used != 0) {
      ++to;
    }
    if (to < set + kWays) {
      slots_[to] = std::move(slot);
    } else {
      bytes_ -= slot.value.size();
      --filled_;
    }
  }
  hand_ = 0;
}

void ValueCache::clear() {
  slots_.clear();
  filled_ = 0;
  hand_ = 0;
  bytes_ = 0;
}

}  // namespace quorate::kv
