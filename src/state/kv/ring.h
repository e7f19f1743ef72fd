#pragma once
// A queue over one block of memory that grows by doubling and never shrinks while it is used: no allocation in the
// steady state, and any element found by its place. Empty, it holds no memory.

#include <cstddef>
#include <utility>
#include <vector>

#include "base/assert.h"

namespace quorate::kv {

template <class T>
class Ring {
 public:
  [[nodiscard]] std::size_t size() const { return size_; }
  [[nodiscard]] bool empty() const { return size_ == 0; }
  [[nodiscard]] T& operator[](std::size_t i) { return slots_[(head_ + i) & (slots_.size() - 1)]; }
  [[nodiscard]] const T& operator[](std::size_t i) const { return slots_[(head_ + i) & (slots_.size() - 1)]; }
  [[nodiscard]] T& front() { return (*this)[0]; }
  [[nodiscard]] const T& front() const { return (*this)[0]; }
  [[nodiscard]] T& back() { return (*this)[size_ - 1]; }

  void push_back(T value) {
    if (size_ == slots_.size()) {
      grow();
    }
    ++size_;
    back() = std::move(value);
  }
  void pop_front() {
    QUORATE_ASSERT(size_ > 0, "the queue is not empty");
    front() = T{};
    head_ = (head_ + 1) & (slots_.size() - 1);
    --size_;
  }
  void clear() {
    slots_.clear();
    head_ = 0;
    size_ = 0;
  }

 private:
  void grow() {
    std::vector<T> larger(slots_.empty() ? 8 : slots_.size() * 2);
    for (std::size_t i = 0; i < size_; ++i) {
      larger[i] = std::move((*this)[i]);
    }
    slots_.swap(larger);
    head_ = 0;
  }

  std::vector<T> slots_;  ///< a power of two of them
  std::size_t head_ = 0;
  std::size_t size_ = 0;
};

}  // namespace quorate::kv
