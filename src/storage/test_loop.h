#pragma once
// A loop, clock and entropy for unit tests: time passes only when the test says so.
//
// Invariants: 1. timers fire in the order of their deadlines, equal ones in the order of arming. 2. deferred work runs
// at the end of each turn. For tests only.

#include <algorithm>
#include <cstdint>
#include <deque>
#include <map>
#include <random>
#include <utility>

#include "env/clock.h"
#include "env/entropy.h"
#include "env/loop.h"

namespace quorate::storage {

class TestLoop final : public env::Loop, public env::Clock {
 public:
  env::TimerId arm(Instant deadline, Callback<> fired) override {
    timers_.emplace(std::pair(deadline < now_ ? now_ : deadline, ++last_timer_), fired);
    return last_timer_;
  }
  void cancel(env::TimerId timer) override {
    std::erase_if(timers_, [timer](const auto& entry) { return entry.first.second == timer; });
  }
  void defer(Callback<> work) override { deferred_.push_back(work); }
  [[nodiscard]] Instant now() const override { return now_; }
  [[nodiscard]] WallTime wall() const override { return {}; }

  /// Runs the deferred work of this turn.
  void end_turn() {
    while (!deferred_.empty()) {
      const Callback<> work = deferred_.front();
      deferred_.pop_front();
      work();
    }
  }
  /// Moves to the next timer due until `until` and fires it, with its end of turn. False if there is none.
  bool fire_next(Instant until) {
    end_turn();
    if (timers_.empty() || timers_.begin()->first.first > until) {
      return false;
    }
    const auto [key, fired] = *timers_.begin();
    timers_.erase(timers_.begin());
    now_ = std::max(now_, key.first);
    fired();
    end_turn();
    return true;
  }
  /// Lets time pass, firing what comes due.
  void pass(Duration time) {
    const Instant until = now_ + time;
    while (fire_next(until)) {
    }
    now_ = until;
  }
  /// The process stands still while time passes: what comes due meanwhile fires late.
  void stand_still(Duration time) { now_ += time; }
  /// Drops everything: the process died.
  void crash() {
    timers_.clear();
    deferred_.clear();
  }

 private:
  Instant now_ = Instant(std::chrono::seconds(1));
  std::uint64_t last_timer_ = 0;
  std::map<std::pair<Instant, env::TimerId>, Callback<>> timers_;
  std::deque<Callback<>> deferred_;
};

class TestEntropy final : public env::Entropy {
 public:
  explicit TestEntropy(std::uint64_t seed) : generator_(seed) {}
  std::uint64_t next() override { return generator_(); }

 private:
  std::mt19937_64 generator_;
};

}  // namespace quorate::storage
