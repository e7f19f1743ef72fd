#pragma once
// A queue that costs nothing while it is empty: thousands of idle groups have a dozen each, and the explorer keeps
// millions of them. (An empty std::deque of libstdc++ takes 576 bytes.)
//
// Invariants: 1. what was taken out holds no resources. 2. a copy has what is in the queue and no more. Taking from the
// front is constant on average. Iterators are those of a vector: any change ends them. Not thread-safe.

#include <algorithm>
#include <cstddef>
#include <iterator>
#include <utility>
#include <vector>

#include "base/assert.h"

namespace quorate {

template <class T>
class Fifo {
 public:
  using value_type = T;
  using iterator = typename std::vector<T>::iterator;
  using const_iterator = typename std::vector<T>::const_iterator;

  Fifo() = default;
  ~Fifo() = default;
  Fifo(const Fifo& other) : items_(other.begin(), other.end()) {}
  Fifo(Fifo&& other) noexcept : items_(std::exchange(other.items_, {})), head_(std::exchange(other.head_, 0)) {}
  Fifo& operator=(Fifo other) noexcept {
    items_.swap(other.items_);
    std::swap(head_, other.head_);
    return *this;
  }

  [[nodiscard]] bool empty() const { return size() == 0; }
  [[nodiscard]] std::size_t size() const { return items_.size() - head_; }
  [[nodiscard]] iterator begin() { return items_.begin() + static_cast<std::ptrdiff_t>(head_); }
  [[nodiscard]] iterator end() { return items_.end(); }
  [[nodiscard]] const_iterator begin() const { return items_.begin() + static_cast<std::ptrdiff_t>(head_); }
  [[nodiscard]] const_iterator end() const { return items_.end(); }
  [[nodiscard]] auto rbegin() { return std::reverse_iterator(end()); }
  [[nodiscard]] auto rend() { return std::reverse_iterator(begin()); }
  [[nodiscard]] T& operator[](std::size_t at) { return items_[head_ + at]; }
  [[nodiscard]] const T& operator[](std::size_t at) const { return items_[head_ + at]; }
  [[nodiscard]] T& front() { return items_[checked_head()]; }
  [[nodiscard]] const T& front() const { return items_[checked_head()]; }
  [[nodiscard]] T& back() { return items_.back(); }
  [[nodiscard]] const T& back() const { return items_.back(); }

  void push_back(T item) { items_.push_back(std::move(item)); }
  void pop_front() {
    items_[checked_head()] = T();
    ++head_;
    if (head_ == items_.size()) {
      clear();
    } else if (head_ >= kTakenAtLeast && head_ >= size()) {
      forget_taken();
    }
  }
  void pop_back() {
    QUORATE_ASSERT(!empty(), "only what is in a queue is taken out of it");
    items_.pop_back();
  }
  void clear() {
    items_.clear();
    head_ = 0;
  }
  /// Keeps the first `count`, of what is there.
  void truncate(std::size_t count) {
    QUORATE_ASSERT(count <= size(), "a queue is truncated to what it has", count, size());
    items_.erase(begin() + static_cast<std::ptrdiff_t>(count), end());
  }
  template <class Is>
  std::size_t erase_if(const Is& is) {
    forget_taken();
    return std::erase_if(items_, is);
  }

 private:
  static constexpr std::size_t kTakenAtLeast = 16;

  [[nodiscard]] std::size_t checked_head() const {
    QUORATE_ASSERT(!empty(), "only what is in a queue is taken out of it");
    return head_;
  }
  void forget_taken() {
    items_.erase(items_.begin(), begin());
    head_ = 0;
  }

  std::vector<T> items_;
  std::size_t head_ = 0;  ///< how many of them were taken
};

}  // namespace quorate
