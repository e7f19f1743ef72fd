#pragma once
// Virtual time: events in order of (time, number of scheduling). Nothing happens between events.
//
// An event belongs to a node's life, to whatever life a node has by then (what arrives from the network), or to the
// world (node 0). Events of a life that ended are skipped, as a dead process gets no completions; a paused node's
// events wait. Owned by the simulated world.

#include <cstdint>
#include <queue>
#include <vector>

#include "base/callback.h"
#include "base/time.h"

namespace quorate::sim {

/// The life of an event that no end of a life takes away.
inline constexpr std::uint32_t kAnyLife = 0;

/// Whose event it is: a node's index (1...) and its life; node 0 is the world.
struct Owner {
  std::uint32_t node = 0;
  std::uint32_t life = 0;
};

struct Event {
  Instant at;
  std::uint64_t number = 0;
  Owner owner;
  Callback<> action;
};

class EventQueue {
 public:
  [[nodiscard]] Instant now() const { return now_; }

  /// Returns the event's number. Events of the past happen now, after those already due.
  std::uint64_t schedule(Instant at, Owner owner, Callback<> action) {
    heap_.push(Event{at < now_ ? now_ : at, ++scheduled_, owner, action});
    return scheduled_;
  }

  [[nodiscard]] bool empty() const { return heap_.empty(); }
  [[nodiscard]] Instant next_at() const { return heap_.top().at; }

  /// Takes the next event and moves time to it.
  Event pop() {
    Event event = heap_.top();
    heap_.pop();
    now_ = event.at;
    ++happened_;
    return event;
  }
  /// Moves time forward to `at` if nothing is due before.
  void advance_to(Instant at) {
    if (at > now_) {
      now_ = at;
    }
  }
  [[nodiscard]] std::uint64_t happened() const { return happened_; }

 private:
  struct Later {
    bool operator()(const Event& a, const Event& b) const { return a.at != b.at ? a.at > b.at : a.number > b.number; }
  };
  std::priority_queue<Event, std::vector<Event>, Later> heap_;
  Instant now_{};
  std::uint64_t scheduled_ = 0;
  std::uint64_t happened_ = 0;
};

}  // namespace quorate::sim
