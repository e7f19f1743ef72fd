#include "explore/said.h"

#include <algorithm>
#include <iterator>
#include <utility>

namespace quorate::explore {

std::uint32_t SaidTable::keep(std::vector<std::uint32_t> packets) {
  Hasher hasher;
  for (const std::uint32_t packet : packets) {
    hasher.add(std::uint64_t{packet});
  }
  std::uint32_t& number = by_hash_.at(hasher.value());
  if (number != NumberMap::kNone) {
    return number;
  }
  number = static_cast<std::uint32_t>(sets_.size());
  Set set{.packets = std::move(packets)};
  for (std::size_t node = 0; node < kMaxNodes; ++node) {
    for (const std::uint32_t packet : set.packets) {
      if (table_.packet(packet).to.value() == node + 1) {
        set.by_receiver.push_back(packet);
      }
    }
    set.begins[node + 1] = static_cast<std::uint16_t>(set.by_receiver.size());
  }
  for (const std::uint32_t packet : set.packets) {
    set.marks |= std::uint64_t{1} << (packet % 64);
  }
  sets_.push_back(std::move(set));
  return number;
}

std::uint32_t SaidTable::with(std::uint32_t set, std::uint32_t row) {
  const auto sent = table_.sent(table_.row(row));
  if (sent.empty()) {
    return set;
  }
  const std::uint64_t addition = std::uint64_t{set} << 32 | row;
  Hasher hasher;
  hasher.add(addition);
  if (const std::uint32_t known = by_addition_.at(hasher.value()); known != NumberMap::kNone) {
    return known;
  }
  std::vector<std::uint32_t> sorted(sent.begin(), sent.end());
  std::ranges::sort(sorted);
  const auto repeated = std::ranges::unique(sorted);
  sorted.erase(repeated.begin(), repeated.end());
  std::vector<std::uint32_t> packets;
  std::ranges::set_union(sets_[set].packets, sorted, std::back_inserter(packets));
  const std::uint32_t number = keep(std::move(packets));
  by_addition_.at(hasher.value()) = number;
  return number;
}

bool SaidTable::is_part(std::uint32_t small, std::uint32_t large) const {
  if (small == large) {
    return true;
  }
  const Set& a = sets_[small];
  const Set& b = sets_[large];
  return (a.marks & ~b.marks) == 0 && std::ranges::includes(b.packets, a.packets);
}

}  // namespace quorate::explore
