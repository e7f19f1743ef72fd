#include "explore/mail.h"

#include <algorithm>
#include <iterator>
#include <utility>

namespace quorate::explore {

std::uint32_t MailTable::keep(std::vector<std::uint32_t> packets) {
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
  for (const std::uint32_t packet : set.packets) {
    set.marks |= std::uint64_t{1} << (packet % 64);
  }
  sets_.push_back(std::move(set));
  return number;
}

std::uint32_t MailTable::sent(std::uint32_t row, std::size_t node) {
  if (row >= sent_by_row_.size()) {
    sent_by_row_.resize(std::max<std::size_t>(steps_.steps(), 2 * sent_by_row_.size()), {kUnknown});
  }
  if (sent_by_row_[row].front() == kUnknown) {
    std::array<std::vector<std::uint32_t>, kMaxNodes> packets;
    for (const std::uint32_t packet : steps_.sent(steps_.row(row))) {
      packets[steps_.packet(packet).to.value() - 1].push_back(packet);
    }
    for (std::size_t n = 0; n < kMaxNodes; ++n) {
      std::ranges::sort(packets[n]);
      const auto repeated = std::ranges::unique(packets[n]);
      packets[n].erase(repeated.begin(), repeated.end());
      sent_by_row_[row][n] = keep(std::move(packets[n]));
    }
  }
  return sent_by_row_[row][node];
}

std::uint32_t MailTable::with(std::uint32_t set, std::uint32_t added, std::uint32_t receiver) {
  if (is_part(added, set)) {
    return set;
  }
  const std::uint32_t heard = heard_by(receiver, added);
  if (is_part(heard, set)) {
    return set;
  }
  Hasher hasher;
  hasher.add(std::uint64_t{set} << 32 | heard);
  if (const std::uint32_t known = by_addition_.at(hasher.value()); known != NumberMap::kNone) {
    return known;
  }
  std::vector<std::uint32_t> packets;
  std::ranges::set_union(sets_[set].packets, sets_[heard].packets, std::back_inserter(packets));
  const std::uint32_t number = keep(std::move(packets));
  by_addition_.at(hasher.value()) = number;
  return number;
}

std::uint32_t MailTable::heard_by(std::uint32_t receiver, std::uint32_t set) {
  Hasher hasher;
  hasher.add(std::uint64_t{receiver} << 32 | set);
  if (const std::uint32_t known = by_receiver_.at(hasher.value()); known != NumberMap::kNone) {
    return known;
  }
  std::vector<std::uint32_t> packets;
  std::ranges::copy_if(sets_[set].packets, std::back_inserter(packets),
                       [&](std::uint32_t packet) { return !steps_.is_deaf_to(receiver, packet); });
  const std::uint32_t number = keep(std::move(packets));
  by_receiver_.at(hasher.value()) = number;
  return number;
}

bool MailTable::is_part(std::uint32_t small, std::uint32_t large) const {
  if (small == large) {
    return true;
  }
  const Set& a = sets_[small];
  const Set& b = sets_[large];
  return (a.marks & ~b.marks) == 0 && std::ranges::includes(b.packets, a.packets);
}

}  // namespace quorate::explore
