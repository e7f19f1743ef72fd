#pragma once
// Worlds that wait to be expanded, those of the lowest rank first. Owned by a search.

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "explore/world.h"

namespace quorate::explore {

class Waiting {
 public:
  explicit Waiting(std::size_t nodes) : stride_(World::words_of(nodes)), nodes_(nodes) {}

  void push(const World& world, std::uint32_t number, std::size_t rank) {
    if (rank >= ranks_.size()) {
      ranks_.resize(rank + 1);
    }
    lowest_ = rank < lowest_ ? rank : lowest_;
    ranks_[rank].numbers.push_back(number);
    world.pack_into(nodes_, ranks_[rank].words);
    ++size_;
  }

  /// False: none waits.
  bool pop(World& world, std::uint32_t& number) {
    while (lowest_ < ranks_.size() && ranks_[lowest_].numbers.empty()) {
      ranks_[lowest_++] = Rank();  // gives its memory back
    }
    if (lowest_ == ranks_.size()) {
      return false;
    }
    Rank& rank = ranks_[lowest_];
    number = rank.numbers.back();
    world.unpack(nodes_, std::span(rank.words).last(stride_));
    rank.numbers.pop_back();
    rank.words.resize(rank.words.size() - stride_);
    --size_;
    return true;
  }

  [[nodiscard]] std::size_t size() const { return size_; }
  /// No world that waits has a lower one.
  [[nodiscard]] std::size_t lowest_rank() const { return lowest_; }

 private:
  struct Rank {
    std::vector<std::uint32_t> words;
    std::vector<std::uint32_t> numbers;
  };

  std::size_t stride_;
  std::size_t nodes_;
  std::size_t lowest_ = 0;
  std::size_t size_ = 0;
  std::vector<Rank> ranks_;
};

}  // namespace quorate::explore
