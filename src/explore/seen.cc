#include "explore/seen.h"

namespace quorate::explore {

bool Seen::covers(const std::uint32_t* link, const World& world, std::size_t events) const {
  for (std::size_t n = 0; n < options_.nodes; ++n) {
    if (options_.keeps_all ? world.mail[n] != link[n] : !mail_.is_part(world.mail[n], link[n])) {
      return false;
    }
  }
  return !options_.shortest || origin(link[options_.nodes]).events <= events;
}

bool Seen::is_covered_by(const std::uint32_t* link, const World& world, std::size_t events) const {
  for (std::size_t n = 0; n < options_.nodes; ++n) {
    if (options_.keeps_all ? world.mail[n] != link[n] : !mail_.is_part(link[n], world.mail[n])) {
      return false;
    }
  }
  return !options_.shortest || origin(link[options_.nodes]).events >= events;
}

std::uint32_t Seen::insert(const World& world, const Origin& origin) {
  const std::size_t nodes = options_.nodes;
  std::uint32_t& first = first_link_.at(world.hash_but_mail(nodes));
  for (std::uint32_t at = first; at != NumberMap::kNone; at = links_[at][nodes + 1]) {
    if (covers(links_[at], world, origin.events)) {
      return NumberMap::kNone;
    }
  }
  std::uint32_t* before = &first;
  std::uint32_t freed = NumberMap::kNone;
  for (std::uint32_t at = first; at != NumberMap::kNone;) {
    std::uint32_t* link = links_[at];
    const std::uint32_t next = link[nodes + 1];
    if (is_covered_by(link, world, origin.events)) {
      is_let_go_[link[nodes]] = true;
      *before = next;
      freed = at;
    } else {
      before = &link[nodes + 1];
    }
    at = next;
  }
  std::uint32_t* link = freed == NumberMap::kNone ? nullptr : links_[freed];
  if (link == nullptr) {
    freed = static_cast<std::uint32_t>(links_.size());
    link = links_.append();
  }
  const auto number = static_cast<std::uint32_t>(origins_.size());
  *origins_.append() = origin;
  is_let_go_.push_back(false);
  for (std::size_t n = 0; n < nodes; ++n) {
    link[n] = world.mail[n];
  }
  link[nodes] = number;
  link[nodes + 1] = first;
  first = freed;
  return number;
}

}  // namespace quorate::explore
