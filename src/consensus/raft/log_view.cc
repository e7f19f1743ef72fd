#include "consensus/raft/log_view.h"

#include <algorithm>

#include "base/assert.h"

namespace quorate::raft {

std::vector<LogView::Run>::const_iterator LogView::run_behind(Position position) const {
  return std::ranges::upper_bound(runs_, position, {}, &Run::first);
}

std::optional<Tag> LogView::tag_at(Position position) const {
  if (position > last_ || position < discarded_.position) {
    return std::nullopt;
  }
  if (position == discarded_.position) {
    return discarded_.tag;
  }
  if (position >= runs_.back().first) {
    return runs_.back().tag;  // nearly every question is about the newest term
  }
  return std::prev(run_behind(position))->tag;
}

EntryId LogView::last_at_or_below(Position position, Tag tag) const {
  position = std::min(position, last_);
  auto run = run_behind(position);
  while (run != runs_.begin()) {
    --run;
    if (run->tag <= tag) {
      return {position, run->tag};
    }
    position = run->first.previous();
  }
  return discarded_;
}

void LogView::append(Tag tag, std::uint64_t count) {
  QUORATE_ASSERT(tag >= last().tag && !tag.is_none(), "tags never fall", tag, last().tag);
  if (count == 0) {
    return;
  }
  if (runs_.empty() || runs_.back().tag != tag) {
    runs_.push_back({last_.next(), tag});
  }
  last_ = Position(last_.value() + count);
}

void LogView::truncate_from(Position position) {
  QUORATE_ASSERT(position > discarded_.position, "what was discarded cannot be cut off", position, discarded_.position);
  if (position > last_) {
    return;
  }
  last_ = position.previous();
  while (!runs_.empty() && runs_.back().first > last_) {
    runs_.pop_back();
  }
}

void LogView::discard_below(EntryId id) {
  QUORATE_ASSERT(has(id), "only what the log has is discarded", id.position, id.tag);
  const auto behind = run_behind(id.position);
  const auto at = behind - runs_.begin();
  if (at > 0) {
    // The run that holds id.position lives on if it has entries behind it.
    const bool goes_on = behind == runs_.end() ? last_ > id.position : behind->first > id.position.next();
    runs_.erase(runs_.begin(), runs_.begin() + (goes_on ? at - 1 : at));
    if (goes_on) {
      runs_.front().first = id.position.next();
    }
  }
  discarded_ = id;
}

void LogView::hash_into(Hasher& hasher) const {
  hasher.add(discarded_.position);
  hasher.add(discarded_.tag);
  hasher.add(last_);
  for (const Run& run : runs_) {
    hasher.add(run.first);
    hasher.add(run.tag);
  }
}

}  // namespace quorate::raft
