#include "consensus/multipaxos/follower.h"

#include <algorithm>

namespace quorate::multipaxos {
namespace {

/// In a Follower's set of slots every run has this tag.
constexpr Tag kAccepted{1};

std::uint64_t slots_of(Position first, Position last) { return last.value() - first.value() + 1; }

}  // namespace

Position Follower::next_to_send(Position lowest) {
  next_ = std::max(next_, lowest);
  if (next_ <= decided_) {
    next_ = decided_.next();
  }
  next_ = accepted_.end_from(next_).next();
  return next_;
}

bool Follower::may_send(Position slot, const Window& window) const {
  if (paused_ || (has_told_ && slot.value() > decided_.value() + kMaxAhead)) {
    return false;
  }
  return in_flight_.empty() || (in_flight_.size() < window.messages && entries_in_flight_ < window.entries);
}

std::uint64_t Follower::room(const Window& window) const {
  return entries_in_flight_ < window.entries ? window.entries - entries_in_flight_ : 1;
}

void Follower::on_sent(Position first, Position last) {
  in_flight_.push_back({first, last});
  entries_in_flight_ += slots_of(first, last);
  next_ = last.next();
}

bool Follower::on_accepted(Position first, Position last) {
  paused_ = false;
  answered_ = true;
  in_flight_.erase_if([&](const Range& range) {
    const bool is_answered = range.first >= first && range.last <= last;
    entries_in_flight_ -= is_answered ? slots_of(range.first, range.last) : 0;
    return is_answered;
  });
  if (end_from(first) >= last) {
    return false;
  }
  accepted_.set(first, last, kAccepted);
  accepted_.erase_up_to(decided_);
  return true;
}

void Follower::on_decided(Position decided) {
  has_told_ = true;
  if (decided > decided_) {
    decided_ = decided;
    accepted_.erase_up_to(decided_);
  }
}

void Follower::on_send_dropped(Position first, Position last) {
  in_flight_.erase_if([&](Range& range) {
    if (range.last < first || range.first > last) {
      return false;
    }
    if (range.first < first) {
      entries_in_flight_ -= slots_of(first, range.last);
      range.last = first.previous();
      return false;
    }
    paused_ = true;
    entries_in_flight_ -= slots_of(range.first, range.last);
    return true;
  });
  next_ = std::min(next_, first);
}

void Follower::on_restarted(Position chosen) {
  decided_ = noted;
  accepted_.clear();
  in_flight_.clear();
  entries_in_flight_ = 0;
  decided_sent = Position();
  next_ = chosen.next();
  paused_ = false;
  stalled_ = false;
  has_told_ = false;
}

void Follower::on_heartbeat_tick() {
  stalled_ = has_in_flight() && was_in_flight_ && !answered_;
  was_in_flight_ = has_in_flight();
  answered_ = false;
}

bool Follower::take_stalled() {
  if (!stalled_ || !has_in_flight()) {
    stalled_ = false;
    return false;
  }
  stalled_ = false;
  was_in_flight_ = false;
  for (const Range& range : in_flight_) {
    next_ = std::min(next_, range.first);
  }
  in_flight_.clear();
  entries_in_flight_ = 0;
  return true;
}

void Follower::hash_into(Hasher& hasher) const {
  hasher.add(node_);
  hasher.add(next_);
  hasher.add(decided_);
  accepted_.hash_into(hasher);
  for (const Range& range : in_flight_) {
    hasher.add(range.first);
    hasher.add(range.last);
  }
  hasher.add((has_told_ ? 1U : 0U) | (paused_ ? 2U : 0U) | (answered_ ? 4U : 0U) | (was_in_flight_ ? 8U : 0U) |
             (stalled_ ? 16U : 0U));
  hasher.add(acknowledged_round);
  hasher.add(noted);
  hasher.add(decided_sent);
  hasher.add(awaited > decided_sent ? awaited : Position());
}

}  // namespace quorate::multipaxos
