#include "consensus/multipaxos/tag_runs.h"

#include <algorithm>

#include "base/assert.h"

namespace quorate::multipaxos {

const TagRuns::Run* TagRuns::run_from(Position position) const {
  if (runs_.empty() || runs_.back().last < position) {
    return nullptr;
  }
  if (runs_.back().first <= position) {
    return &runs_.back();  // nearly every question is about the newest slots
  }
  return &*std::ranges::lower_bound(runs_, position, {}, &Run::last);
}

std::optional<Tag> TagRuns::at(Position position) const {
  const Run* run = run_from(position);
  return run == nullptr || run->first > position ? std::nullopt : std::optional(run->tag);
}

Position TagRuns::end_from(Position position) const {
  Position end = position.previous();
  const Run* const behind = runs_.data() + runs_.size();
  for (const Run* run = run_from(position); run != nullptr && run != behind && run->first <= end.next(); ++run) {
    end = run->last;
  }
  return end;
}

void TagRuns::set(Position first, Position last, Tag tag) {
  QUORATE_ASSERT(first <= last && !first.is_none(), "a run has slots", first, last);
  if (runs_.empty() || first > runs_.back().last) {
    if (!runs_.empty() && runs_.back().tag == tag && runs_.back().last.next() == first) {
      runs_.back().last = last;
    } else {
      runs_.push_back({first, last, tag});
    }
    return;
  }
  const auto begin = std::ranges::lower_bound(runs_, first, {}, &Run::last);
  const auto end = std::ranges::upper_bound(runs_, last, {}, &Run::first);
  std::vector<Run> parts;
  if (begin != end && begin->first < first) {
    parts.push_back({begin->first, first.previous(), begin->tag});
  }
  parts.push_back({first, last, tag});
  if (begin != end && std::prev(end)->last > last) {
    parts.push_back({last.next(), std::prev(end)->last, std::prev(end)->tag});
  }
  const auto index = static_cast<std::size_t>(begin - runs_.begin());
  const std::size_t own = index + (parts.front().first < first ? 1 : 0);
  runs_.insert(runs_.erase(begin, end), parts.begin(), parts.end());
  merge_around(own);
}

void TagRuns::merge_around(std::size_t index) {
  const auto touches = [this](std::size_t left) {
    return runs_[left].tag == runs_[left + 1].tag && runs_[left].last.next() == runs_[left + 1].first;
  };
  if (index + 1 < runs_.size() && touches(index)) {
    runs_[index].last = runs_[index + 1].last;
    runs_.erase(runs_.begin() + static_cast<std::ptrdiff_t>(index) + 1);
  }
  if (index > 0 && touches(index - 1)) {
    runs_[index - 1].last = runs_[index].last;
    runs_.erase(runs_.begin() + static_cast<std::ptrdiff_t>(index));
  }
}

void TagRuns::erase_up_to(Position position) {
  const auto begin = std::ranges::lower_bound(runs_, position.next(), {}, &Run::last);
  runs_.erase(runs_.begin(), begin);
  if (!runs_.empty() && runs_.front().first <= position) {
    runs_.front().first = position.next();
  }
}

void TagRuns::hash_into(Hasher& hasher) const {
  hasher.add(runs_.size());
  for (const Run& run : runs_) {
    hasher.add(run.first);
    hasher.add(run.last);
    hasher.add(run.tag);
  }
}

}  // namespace quorate::multipaxos
