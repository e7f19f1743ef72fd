#pragma once
// A long row of records of one size that grows and shrinks at its end, in blocks: it is never copied, so that what a
// search keeps may take nearly all of the machine's memory, and what it is done with is given back.
//
// Invariant: a record stays where it is while it is there.
// Owned by one object, on one thread.

#include <cstddef>
#include <memory>
#include <vector>

namespace quorate::explore {

template <class T>
class Blocks {
 public:
  /// Of `width` values a record.
  explicit Blocks(std::size_t width = 1) : width_(width) {}

  [[nodiscard]] std::size_t size() const { return size_; }
  [[nodiscard]] T* operator[](std::size_t record) { return place(record); }
  [[nodiscard]] const T* operator[](std::size_t record) const { return place(record); }

  /// The new last record, whose values are whatever they are.
  [[nodiscard]] T* append() {
    if (size_ == blocks_.size() * kRecords) {
      blocks_.push_back(std::make_unique_for_overwrite<T[]>(kRecords * width_));
    }
    return place(size_++);
  }
  void drop_last() {
    --size_;
    if (size_ + kRecords < blocks_.size() * kRecords) {
      blocks_.pop_back();
    }
  }

 private:
  static constexpr std::size_t kRecords = std::size_t{1} << 16;

  [[nodiscard]] T* place(std::size_t record) const {
    return blocks_[record / kRecords].get() + record % kRecords * width_;
  }

  std::size_t width_;
  std::size_t size_ = 0;
  std::vector<std::unique_ptr<T[]>> blocks_;
};

}  // namespace quorate::explore
