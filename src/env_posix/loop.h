#pragma once
// The event loop of a node: descriptors, timers, work from other threads, and the end of the turn.
//
// A turn is: one epoll_wait, everything that it reported, posted work, due timers, then deferred work, then one
// write per stream, then what waited for these writes (a small sync), whose own deferred work and writes still belong
// to the turn. It ends even when new events keep coming, so batches stay bounded and replies leave.
//
// Invariants: 1. everything but post() and stop() runs on the thread that calls run(). 2. a Source that was detached
//                is never called again, whatever was already reported for it. 3. arming a timer and watching a
//                descriptor allocate nothing once the tables have grown; a turn without timers due makes no system
//                call but epoll_wait. 4. posting to a loop that is awake makes no system call.
// Owned by `server` or a test; outlives everything that is attached.

#include <cstdint>
#include <functional>
#include <memory>
#include <string_view>

#include "base/result.h"
#include "env/clock.h"
#include "env/loop.h"
#include "env_posix/poster.h"

namespace quorate::env_posix {

/// What a descriptor is ready for. Edge-triggered: read or write until the system has no more.
struct Readiness {
  bool readable = false;
  bool writable = false;
  bool hung_up = false;  ///< end of stream, reset or error: reading tells which
};

/// Names an attached source; never used again after it was detached.
using SourceId = std::uint64_t;

/// Something with a descriptor. Called on the loop, only while attached.
class Source {
 public:
  virtual ~Source() = default;
  virtual void on_ready(Readiness readiness) = 0;
  /// The turn ends: write what was collected. Called once after each request_flush().
  virtual void on_turn_end() {}
};

/// Counts since the loop was made, for metrics and tests.
struct LoopStats {
  std::uint64_t turns = 0;
  std::uint64_t events = 0;
  std::uint64_t timers_fired = 0;
  std::uint64_t posted = 0;
  std::uint64_t wakeups = 0;  ///< posts that found the loop asleep
};

class EventLoop final : public env::Loop, public env::Clock, public Poster {
 public:
  /// Fails only when the system has no descriptors left.
  [[nodiscard]] static Result<std::unique_ptr<EventLoop>> make();
  ~EventLoop() override;

  EventLoop(const EventLoop&) = delete;
  EventLoop& operator=(const EventLoop&) = delete;

  /// Runs turns until stop(). May be called again after it returned.
  void run();
  /// Runs one turn, waiting at most `longest` for something to happen. For tests and for embedding.
  void run_turn(Duration longest);
  /// Ends run() after its current turn. Any thread; may be called from a signal handler.
  void stop() noexcept;

  env::TimerId arm(Instant deadline, Callback<> fired) override;
  void cancel(env::TimerId timer) override;
  void defer(Callback<> work) override;

  /// Runs `work` once all that this turn sends has left; called from such work, in the next turn.
  void after_writes(std::function<void()> work);

  void post(std::function<void()> work) override;
  /// A poster that may outlive the loop: work posted after the loop's end is dropped.
  [[nodiscard]] std::shared_ptr<Poster> shared_poster() const;

  [[nodiscard]] Instant now() const override;
  [[nodiscard]] WallTime wall() const override;

  /// Registers a source without a descriptor yet.
  [[nodiscard]] SourceId attach(Source& source);
  /// Watches `descriptor` for reading and writing, edge-triggered, on behalf of the source.
  [[nodiscard]] Status watch(SourceId source, int descriptor);
  /// The source is not called again. Its descriptor, if any, must be closed by the caller afterwards.
  void detach(SourceId source);
  /// The source, or null if it was detached.
  [[nodiscard]] Source* find(SourceId source) const;
  /// Calls on_ready(readable) in the next turn: for a source that stopped before the system had no more.
  void request_ready(SourceId source);
  /// Calls on_turn_end() after this turn's deferred work; from within on_turn_end() later, at the latest in the next
  /// turn.
  void request_flush(SourceId source);

  [[nodiscard]] const LoopStats& stats() const;

 private:
  struct State;
  explicit EventLoop(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace quorate::env_posix
