#include "state/kv/recent_records.h"

#include "base/assert.h"

namespace quorate::kv {

void RecentRecords::restart(std::int64_t next) {
  blocks_.clear();
  firsts_.clear();
  begin_ = 0;
  first_main_ = next;
  collected_ = next - 1;
  bytes_ = 0;
}

void RecentRecords::append(Revision at, Buffer block) {
  if (at.sub == 0) {
    QUORATE_ASSERT(at.main == next_main(), "main revisions are dense", at.main, next_main());
    firsts_.push_back(begin_ + blocks_.size());
  }
  QUORATE_ASSERT(
      at.main == next_main() - 1 && begin_ + blocks_.size() == firsts_.back() + static_cast<std::uint64_t>(at.sub),
      "sub-revisions count the changes", at.main, at.sub);
  bytes_ += block.size();
  blocks_.push_back(std::move(block));
}

const Buffer* RecentRecords::find(Revision at) const {
  if (at.main < first_main_ || at.main >= next_main()) {
    return nullptr;
  }
  const std::uint64_t number = first_of(at.main) + static_cast<std::uint64_t>(at.sub);
  return number < first_of(at.main + 1) ? &blocks_[number - begin_] : nullptr;
}

void RecentRecords::mark_collected(std::int64_t last) {
  QUORATE_ASSERT(last >= collected_ && last < next_main(), "only what is here is collected", last, collected_,
                 next_main());
  collected_ = last;
}

void RecentRecords::trim() {
  while (bytes_ > bound_bytes_ && first_main_ <= collected_) {
    const std::uint64_t end = first_of(first_main_ + 1);
    for (; begin_ < end; ++begin_) {
      bytes_ -= blocks_.front().size();
      blocks_.pop_front();
    }
    firsts_.pop_front();
    ++first_main_;
  }
}

}  // namespace quorate::kv
