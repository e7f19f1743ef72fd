#pragma once
// What other threads leave for the loop, and how they wake it.
//
// Invariants: 1. a post made before the loop looks for work is seen by that look; one made after it wakes the loop.
//             2. posting to a loop that is awake makes no system call.
// The race: the loop stores sleeping_ and then reads filled_; a poster stores filled_ and then reads sleeping_. All
// four are sequentially consistent, so at least one of the two sees the other's store.
// Shared by the loop and by everyone who posts; lives as long as the last of them.

#include <atomic>
#include <functional>
#include <mutex>
#include <vector>

#include "env_posix/poster.h"

namespace quorate::env_posix {

class Mailbox final : public Poster {
 public:
  /// Takes over `event_descriptor`, an eventfd.
  explicit Mailbox(int event_descriptor) : event_descriptor_(event_descriptor) {}
  ~Mailbox() override;

  void post(std::function<void()> work) override;
  /// Ends the loop's wait. Any thread, and signal handlers.
  void wake() noexcept;

  /// The loop is about to wait. False: there is work, do not wait.
  [[nodiscard]] bool begin_sleep();
  void end_sleep() { sleeping_.store(false); }

  [[nodiscard]] bool filled() const { return filled_.load(); }
  /// Moves what was posted into `work`, which must be empty.
  void take(std::vector<std::function<void()>>& work);
  /// The loop ends: drops what is here and what still comes.
  void close();

  [[nodiscard]] int event_descriptor() const { return event_descriptor_; }
  [[nodiscard]] std::uint64_t wakeups() const { return wakeups_.load(std::memory_order_relaxed); }

 private:
  const int event_descriptor_;
  std::atomic<bool> filled_{false};
  std::atomic<bool> sleeping_{false};
  std::atomic<std::uint64_t> wakeups_{0};
  std::mutex mutex_;
  std::vector<std::function<void()>> work_;  // guarded by mutex_
  bool closed_ = false;                      // guarded by mutex_
};

}  // namespace quorate::env_posix
