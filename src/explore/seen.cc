#include "explore/seen.h"

#include <algorithm>

namespace quorate::explore {

bool Seen::covers(const std::uint32_t* link, const World& world) const {
  for (std::size_t n = 0; n < nodes_; ++n) {
    if (keeps_all_ ? world.said[n] != link[n] : !said_.is_part(world.said[n], link[n])) {
      return false;
    }
  }
  return true;
}

bool Seen::is_covered_by(const std::uint32_t* link, const World& world) const {
  for (std::size_t n = 0; n < nodes_; ++n) {
    if (keeps_all_ || !said_.is_part(link[n], world.said[n])) {
      return false;
    }
  }
  return true;
}

bool Seen::insert(const World& world, std::uint32_t number) {
  const std::size_t stride = nodes_ + 2;
  std::uint32_t& first = first_link_.at(world.hash_but_said(nodes_));
  for (std::uint32_t at = first; at != NumberMap::kNone; at = links_[at * stride + nodes_ + 1]) {
    if (covers(&links_[at * stride], world)) {
      return false;
    }
  }
  std::uint32_t* before = &first;
  std::uint32_t freed = NumberMap::kNone;
  for (std::uint32_t at = first; at != NumberMap::kNone;) {
    std::uint32_t* link = &links_[at * stride];
    const std::uint32_t next = link[nodes_ + 1];
    if (is_covered_by(link, world)) {
      covered_.resize(std::max<std::size_t>(covered_.size(), link[nodes_] + 1U), NumberMap::kNone);
      covered_[link[nodes_]] = number;
      *before = next;
      freed = at;
    } else {
      before = &link[nodes_ + 1];
    }
    at = next;
  }
  if (freed == NumberMap::kNone) {
    freed = static_cast<std::uint32_t>(links_.size() / stride);
    links_.resize(links_.size() + stride);
  }
  std::uint32_t* link = &links_[freed * stride];
  for (std::size_t n = 0; n < nodes_; ++n) {
    link[n] = world.said[n];
  }
  link[nodes_] = number;
  link[nodes_ + 1] = first;
  first = freed;
  ++size_;
  return true;
}

}  // namespace quorate::explore
