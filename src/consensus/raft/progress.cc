#include "consensus/raft/progress.h"

#include <algorithm>

#include "base/assert.h"

namespace quorate::raft {

bool Progress::may_send(const Window& window) const {
  if (paused_ || mode_ == Mode::snapshot) {
    return false;
  }
  return mode_ == Mode::probe || in_flight_.empty() ||
         (in_flight_.size() < window.messages && entries_in_flight() < window.entries);
}

std::uint64_t Progress::room(const Window& window) const {
  const std::uint64_t used = mode_ == Mode::replicate ? entries_in_flight() : 0;
  return used < window.entries ? window.entries - used : 1;
}

void Progress::on_sent(Position last) {
  QUORATE_ASSERT(mode_ != Mode::snapshot, "nothing is appended while a snapshot is on its way", node_, last);
  if (mode_ == Mode::probe) {
    paused_ = true;
    return;
  }
  if (last >= next_) {
    in_flight_.push_back({next_, last});
    next_ = last.next();
  }
}

bool Progress::on_accepted(Position match) {
  paused_ = false;
  const bool is_new = match > match_;
  match_ = std::max(match_, match);
  if (mode_ == Mode::probe) {
    mode_ = Mode::replicate;
    next_ = match_.next();
    in_flight_.clear();
  } else {
    next_ = std::max(next_, match_.next());
    while (!in_flight_.empty() && in_flight_.front().last <= match_) {
      in_flight_.pop_front();
    }
  }
  QUORATE_ASSERT(match_ < next_, "a leader sends only what it does not know to be there", match_, next_);
  return is_new;
}

bool Progress::is_news(Position rejected) const {
  if (rejected <= match_ || mode_ == Mode::snapshot) {
    return false;
  }
  return mode_ == Mode::probe ? rejected.next() == next_ : rejected < next_;
}

void Progress::probe_from(Position next) {
  QUORATE_ASSERT(next > match_, "probing goes on behind what is known to be there", next, match_);
  mode_ = Mode::probe;
  next_ = next;
  in_flight_.clear();
  paused_ = false;
  stalled_ = false;
}

void Progress::await_snapshot() {
  mode_ = Mode::snapshot;
  in_flight_.clear();
  paused_ = false;
  stalled_ = false;
}

void Progress::on_send_dropped(Position first) {
  if (mode_ != Mode::replicate || first <= match_ || first >= next_) {
    return;  // a probe waits anyway; the rest is settled
  }
  next_ = first;
  while (!in_flight_.empty() && in_flight_.back().first >= first) {
    in_flight_.pop_back();
    paused_ = true;
  }
  if (!in_flight_.empty() && in_flight_.back().last >= first) {
    paused_ = false;  // only shortened: the link works
    in_flight_.back().last = first.previous();
    if (in_flight_.back().last <= match_) {
      in_flight_.pop_back();
    }
  }
}

void Progress::on_restarted() {
  const Position known = match_;
  match_ = Position();
  match_at_tick_ = Position();
  commit_sent = Position();
  probe_from(known.next());
}

void Progress::on_heartbeat_tick() {
  stalled_ = has_in_flight() && in_flight_at_tick_ && match_ == match_at_tick_;
  match_at_tick_ = match_;
  in_flight_at_tick_ = has_in_flight();
}

bool Progress::take_stalled() {
  const bool stalled = stalled_ && has_in_flight();
  stalled_ = false;
  return stalled;
}

void Progress::hash_into(Hasher& hasher) const {
  hasher.add(node_);
  hasher.add(static_cast<std::uint64_t>(mode_));
  hasher.add(match_);
  hasher.add(next_);
  for (const Range& range : in_flight_) {
    hasher.add(range.last);
  }
  hasher.add(static_cast<std::uint64_t>(paused_) | static_cast<std::uint64_t>(stalled_) << 1 |
             static_cast<std::uint64_t>(in_flight_at_tick_) << 2 | static_cast<std::uint64_t>(counts) << 3);
  hasher.add(match_at_tick_);
  hasher.add(acknowledged_round);
  hasher.add(commit_sent);
  hasher.add(awaited > commit_sent ? awaited : Position());
}

}  // namespace quorate::raft
