#include "explore/arrivals.h"

namespace quorate::explore {

std::span<const ArrivalTable::Arrival> ArrivalTable::of(std::uint32_t replica, std::uint32_t mail) {
  Hasher hasher;
  hasher.add(std::uint64_t{replica} << 32 | mail);
  std::uint32_t& number = list_by_pair_.at(hasher.value());
  if (number == NumberMap::kNone) {
    number = static_cast<std::uint32_t>(lists_.size());
    List list{.first = static_cast<std::uint32_t>(arrivals_.size())};
    for (const std::uint32_t packet : mail_.all(mail)) {
      const std::uint32_t row = steps_.step(replica, {.kind = InputKind::deliver, .argument = packet});
      if (steps_.row(row).next != replica || steps_.row(row).sent_count > 0) {
        arrivals_.push_back({packet, row});
      }
    }
    list.count = static_cast<std::uint32_t>(arrivals_.size()) - list.first;
    lists_.push_back(list);
  }
  const List& list = lists_[number];
  return std::span(arrivals_).subspan(list.first, list.count);
}

}  // namespace quorate::explore
