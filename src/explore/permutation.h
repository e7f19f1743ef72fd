#pragma once
// A renaming of nodes: node n becomes node at(n - 1) + 1. Values.

#include <algorithm>
#include <array>
#include <cstdint>
#include <vector>

#include "base/ids.h"
#include "consensus/contract/entry.h"
#include "explore/bounds.h"

namespace quorate::explore {

class Permutation {
 public:
  /// Of nothing: every node keeps its name.
  Permutation() {
    for (std::size_t n = 0; n < kMaxNodes; ++n) {
      to_[n] = static_cast<std::uint8_t>(n);
    }
  }

  /// All renamings of the first `nodes` nodes, the one that changes nothing first.
  [[nodiscard]] static std::vector<Permutation> all(std::size_t nodes) {
    std::vector<Permutation> found;
    Permutation one;
    do {
      found.push_back(one);
    } while (std::next_permutation(one.to_.begin(), one.to_.begin() + static_cast<std::ptrdiff_t>(nodes)));
    return found;
  }

  [[nodiscard]] std::size_t of_index(std::size_t node) const { return to_[node]; }
  [[nodiscard]] NodeId of(NodeId node) const {
    return node.is_none() || node.value() > kMaxNodes ? node : NodeId(to_[node.value() - 1] + 1U);
  }
  [[nodiscard]] consensus::Membership of(const consensus::Membership& membership) const {
    return {.voters = of(membership.voters),
            .outgoing_voters = of(membership.outgoing_voters),
            .learners = of(membership.learners)};
  }
  /// First `other`, then this one.
  [[nodiscard]] Permutation after(const Permutation& other) const {
    Permutation both;
    for (std::size_t n = 0; n < kMaxNodes; ++n) {
      both.to_[n] = to_[other.to_[n]];
    }
    return both;
  }
  [[nodiscard]] Permutation inverse() const {
    Permutation back;
    for (std::size_t n = 0; n < kMaxNodes; ++n) {
      back.to_[to_[n]] = static_cast<std::uint8_t>(n);
    }
    return back;
  }

  friend bool operator==(const Permutation&, const Permutation&) = default;

 private:
  [[nodiscard]] std::vector<NodeId> of(const std::vector<NodeId>& nodes) const {
    std::vector<NodeId> renamed;
    for (const NodeId node : nodes) {
      renamed.push_back(of(node));
    }
    std::ranges::sort(renamed);
    return renamed;
  }

  std::array<std::uint8_t, kMaxNodes> to_{};
};

}  // namespace quorate::explore
