#pragma once
// The worlds that a search has met, without those for which another one stands.
//
// A world in which more was said can do all that an otherwise equal one can: what was said need not arrive. So of
// worlds with equal replicas, budget and history only the ones with the most messages are kept.
//
// Invariants: 1. no kept world is covered by another kept one. 2. worlds are told apart by 64-bit hashes of replicas,
// budget and history; what was said is compared as it is. Owned by a search.

#include <cstdint>
#include <vector>

#include "explore/number_map.h"
#include "explore/said.h"
#include "explore/world.h"

namespace quorate::explore {

class Seen {
 public:
  Seen(const SaidTable& said, std::size_t nodes, bool keeps_all) : said_(said), nodes_(nodes), keeps_all_(keeps_all) {}

  /// False: a kept world stands for this one. `number` is the world's in the search; those that it covers are let go.
  bool insert(const World& world, std::uint32_t number);
  /// The later world that stands for this one; none if it is kept.
  [[nodiscard]] std::uint32_t covered_by(std::uint32_t number) const {
    return number < covered_.size() ? covered_[number] : NumberMap::kNone;
  }
  /// That were kept when they came.
  [[nodiscard]] std::uint64_t size() const { return size_; }

 private:
  /// What was said in the worlds that are equal else: a chain. The words of a link are `said` of each node, the world's
  /// number, and the next link.
  [[nodiscard]] bool covers(const std::uint32_t* link, const World& world) const;
  [[nodiscard]] bool is_covered_by(const std::uint32_t* link, const World& world) const;

  const SaidTable& said_;
  std::size_t nodes_;
  bool keeps_all_;
  std::uint64_t size_ = 0;
  NumberMap first_link_;
  std::vector<std::uint32_t> links_;
  std::vector<std::uint32_t> covered_;
};

}  // namespace quorate::explore
