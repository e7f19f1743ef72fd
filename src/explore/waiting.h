#pragma once
// Worlds that wait to be expanded, those of the lowest rank first. Owned by a search.

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "explore/blocks.h"
#include "explore/world.h"

namespace quorate::explore {

class Waiting {
 public:
  explicit Waiting(std::size_t nodes) : nodes_(nodes) {}

  void push(const World& world, std::uint32_t number, std::size_t rank) {
    while (rank >= ranks_.size()) {
      ranks_.emplace_back(World::words_of(nodes_) + 1);
    }
    lowest_ = rank < lowest_ ? rank : lowest_;
    std::uint32_t* words = ranks_[rank].append();
    *words = number;
    world.pack(nodes_, std::span(words + 1, World::words_of(nodes_)));
    ++size_;
  }

  /// False: none waits.
  bool pop(World& world, std::uint32_t& number) {
    while (lowest_ < ranks_.size() && ranks_[lowest_].size() == 0) {
      ranks_[lowest_++] = Blocks<std::uint32_t>(World::words_of(nodes_) + 1);  // gives its last block back
    }
    if (lowest_ == ranks_.size()) {
      return false;
    }
    Blocks<std::uint32_t>& rank = ranks_[lowest_];
    const std::uint32_t* words = rank[rank.size() - 1];
    number = *words;
    world.unpack(nodes_, std::span(words + 1, World::words_of(nodes_)));
    rank.drop_last();
    --size_;
    return true;
  }

  [[nodiscard]] std::size_t size() const { return size_; }
  /// No world that waits has a lower one.
  [[nodiscard]] std::size_t lowest_rank() const { return lowest_; }

 private:
  std::size_t nodes_;
  std::size_t lowest_ = 0;
  std::size_t size_ = 0;
  std::vector<Blocks<std::uint32_t>> ranks_;  ///< each: the world's number and its words
};

}  // namespace quorate::explore
