#include "env_posix/loop.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <climits>
#include <cstring>
#include <ctime>
#include <string>
#include <vector>

#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/assert.h"
#include "env_posix/mailbox.h"
#include "env_posix/timer_heap.h"

namespace quorate::env_posix {
namespace {

constexpr int kEventsPerWait = 256;
constexpr SourceId kWakeSource = 0;  // no attached source has it
constexpr std::uint32_t kNoSlot = 0xFFFFFFFF;
constexpr Duration kForever = Duration::max();

/// One entry of the table of sources.
struct Slot {
  Source* source = nullptr;
  std::uint32_t use = 0;  // odd while attached
  std::uint32_t next_free = kNoSlot;
};

SourceId id_of(std::uint32_t slot, std::uint32_t use) { return static_cast<SourceId>(use) << 32 | slot; }

/// epoll_wait with the finest time-out that the kernel offers. Rounds up: a timer never fires early.
int wait_for_events(int epoll, epoll_event* events, Duration timeout) {
  static std::atomic<bool> has_fine_timeout{true};
  if (timeout == Duration::zero() || timeout == kForever) {
    return ::epoll_wait(epoll, events, kEventsPerWait, timeout == kForever ? -1 : 0);
  }
  if (has_fine_timeout.load(std::memory_order_relaxed)) {
    const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(timeout);
    timespec limit{};
    limit.tv_sec = seconds.count();
    limit.tv_nsec = (timeout - seconds).count();
    const int count = ::epoll_pwait2(epoll, events, kEventsPerWait, &limit, nullptr);
    if (count >= 0 || errno != ENOSYS) {
      return count;
    }
    has_fine_timeout.store(false, std::memory_order_relaxed);  // a kernel before 5.11
  }
  const auto millis = std::chrono::ceil<std::chrono::milliseconds>(timeout).count();
  return ::epoll_wait(epoll, events, kEventsPerWait, static_cast<int>(std::min<std::int64_t>(millis, INT_MAX)));
}

}  // namespace

struct EventLoop::State {
  State(int epoll_descriptor, std::shared_ptr<Mailbox> box) : epoll(epoll_descriptor), mailbox(std::move(box)) {}
  State(const State&) = delete;
  State& operator=(const State&) = delete;
  ~State() {
    mailbox->close();
    ::close(epoll);
  }

  void wait(Duration longest);
  void dispatch();
  void run_requested();
  void run_posted();
  void fire_timers(Instant now);
  void end_turn();
  void run_deferred();
  void write_streams();
  [[nodiscard]] bool has_work() const {
    return !requested.empty() || !deferred.empty() || !flushes.empty() || !behind_writes.empty() ||
           stopping.load(std::memory_order_relaxed);
  }
  [[nodiscard]] Source* find(SourceId id) const {
    const auto slot = static_cast<std::uint32_t>(id);
    return slot < slots.size() && slots[slot].use == id >> 32 ? slots[slot].source : nullptr;
  }

  const int epoll;
  const std::shared_ptr<Mailbox> mailbox;
  std::atomic<bool> stopping{false};
  TimerHeap timers;
  std::vector<Slot> slots;
  std::uint32_t free_slot = kNoSlot;
  std::array<epoll_event, kEventsPerWait> events;
  int event_count = 0;
  std::vector<Callback<>> deferred;
  std::vector<SourceId> requested, requested_now;  // on_ready wanted without an event
  std::vector<SourceId> flushes, flushes_now;      // on_turn_end wanted
  std::vector<std::function<void()>> behind_writes, behind_writes_now;
  std::vector<std::function<void()>> posted_now;
  LoopStats stats;
};

Result<std::unique_ptr<EventLoop>> EventLoop::make() {
  const int epoll = ::epoll_create1(EPOLL_CLOEXEC);
  if (epoll < 0) {
    return fail(ErrorCode::io, std::string("cannot make an event loop: ") + std::strerror(errno));
  }
  const int wake = ::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  epoll_event event{};
  event.events = EPOLLIN | EPOLLET;
  event.data.u64 = kWakeSource;
  if (wake < 0 || ::epoll_ctl(epoll, EPOLL_CTL_ADD, wake, &event) != 0) {
    const std::string reason = std::strerror(errno);
    ::close(epoll);
    if (wake >= 0) {
      ::close(wake);
    }
    return fail(ErrorCode::io, "cannot make an event loop: " + reason);
  }
  auto state = std::make_unique<State>(epoll, std::make_shared<Mailbox>(wake));
  return std::unique_ptr<EventLoop>(new EventLoop(std::move(state)));
}

EventLoop::EventLoop(std::unique_ptr<State> state) : state_(std::move(state)) {}
EventLoop::~EventLoop() = default;

void EventLoop::run() {
  while (!state_->stopping.load(std::memory_order_acquire)) {
    run_turn(kForever);
  }
  state_->stopping.store(false, std::memory_order_relaxed);
}

void EventLoop::run_turn(Duration longest) {
  State& state = *state_;
  ++state.stats.turns;
  state.wait(longest);
  state.dispatch();
  state.run_requested();
  state.run_posted();
  if (!state.timers.empty()) {
    state.fire_timers(now());
  }
  state.end_turn();
}

void EventLoop::stop() noexcept {
  state_->stopping.store(true, std::memory_order_release);
  state_->mailbox->wake();
}

void EventLoop::State::wait(Duration longest) {
  Duration timeout = has_work() ? Duration::zero() : longest;
  if (timeout > Duration::zero() && !timers.empty()) {
    timespec at{};
    ::clock_gettime(CLOCK_MONOTONIC, &at);
    const Instant now(std::chrono::seconds(at.tv_sec) + Duration(at.tv_nsec));
    timeout = std::clamp(timers.earliest() - now, Duration::zero(), timeout);
  }
  if (timeout > Duration::zero() && !mailbox->begin_sleep()) {
    timeout = Duration::zero();
  }
  event_count = wait_for_events(epoll, events.data(), timeout);
  mailbox->end_sleep();
  if (event_count < 0) {
    QUORATE_ASSERT(errno == EINTR, "epoll_wait works", errno);
    event_count = 0;
  }
}

void EventLoop::State::dispatch() {
  for (int i = 0; i < event_count; ++i) {
    const epoll_event& event = events[static_cast<std::size_t>(i)];
    Source* source = event.data.u64 == kWakeSource ? nullptr : find(event.data.u64);
    if (source != nullptr) {  // else it was detached by an earlier event of this turn
      ++stats.events;
      source->on_ready(Readiness{.readable = (event.events & EPOLLIN) != 0,
                                 .writable = (event.events & EPOLLOUT) != 0,
                                 .hung_up = (event.events & (EPOLLHUP | EPOLLERR | EPOLLRDHUP)) != 0});
    }
  }
}

void EventLoop::State::run_requested() {
  requested_now.swap(requested);
  for (const SourceId id : requested_now) {
    if (Source* source = find(id); source != nullptr) {
      source->on_ready(Readiness{.readable = true});
    }
  }
  requested_now.clear();
}

void EventLoop::State::run_posted() {
  if (!mailbox->filled()) {
    return;
  }
  mailbox->take(posted_now);
  stats.posted += posted_now.size();
  for (std::function<void()>& work : posted_now) {
    work();
  }
  posted_now.clear();
}

void EventLoop::State::fire_timers(Instant now) {
  // Timers that the fired ones arm wait for the next turn, even when they are already due.
  const std::uint64_t mark = timers.mark();
  while (const Callback<> fired = timers.take_due(now, mark)) {
    ++stats.timers_fired;
    fired();
  }
}

void EventLoop::State::end_turn() {
  run_deferred();
  write_streams();
  if (behind_writes.empty()) {
    return;
  }
  behind_writes_now.swap(behind_writes);
  for (const std::function<void()>& work : behind_writes_now) {
    work();
  }
  behind_writes_now.clear();
  run_deferred();
  write_streams();
}

void EventLoop::State::run_deferred() {
  for (std::size_t i = 0; i < deferred.size(); ++i) {  // grows while it runs
    const Callback<> work = deferred[i];
    work();
  }
  deferred.clear();
}

void EventLoop::State::write_streams() {
  flushes_now.swap(flushes);
  for (const SourceId id : flushes_now) {
    if (Source* source = find(id); source != nullptr) {
      source->on_turn_end();
    }
  }
  flushes_now.clear();
}

env::TimerId EventLoop::arm(Instant deadline, Callback<> fired) { return state_->timers.arm(deadline, fired); }
void EventLoop::cancel(env::TimerId timer) { state_->timers.cancel(timer); }
void EventLoop::defer(Callback<> work) { state_->deferred.push_back(work); }
void EventLoop::after_writes(std::function<void()> work) { state_->behind_writes.push_back(std::move(work)); }
void EventLoop::post(std::function<void()> work) { state_->mailbox->post(std::move(work)); }
std::shared_ptr<Poster> EventLoop::shared_poster() const { return state_->mailbox; }

Instant EventLoop::now() const {
  timespec at{};
  ::clock_gettime(CLOCK_MONOTONIC, &at);
  return Instant(std::chrono::seconds(at.tv_sec) + Duration(at.tv_nsec));
}

WallTime EventLoop::wall() const {
  timespec at{};
  ::clock_gettime(CLOCK_REALTIME, &at);
  return WallTime{static_cast<std::int64_t>(at.tv_sec) * 1000 + at.tv_nsec / 1'000'000};
}

SourceId EventLoop::attach(Source& source) {
  State& state = *state_;
  std::uint32_t slot = state.free_slot;
  if (slot == kNoSlot) {
    slot = static_cast<std::uint32_t>(state.slots.size());
    state.slots.emplace_back();
  } else {
    state.free_slot = state.slots[slot].next_free;
  }
  state.slots[slot].source = &source;
  return id_of(slot, ++state.slots[slot].use);
}

Status EventLoop::watch(SourceId source, int descriptor) {
  epoll_event event{};
  event.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET;
  event.data.u64 = source;
  if (::epoll_ctl(state_->epoll, EPOLL_CTL_ADD, descriptor, &event) != 0) {
    return fail(ErrorCode::io, std::string("cannot watch a socket: ") + std::strerror(errno));
  }
  return {};
}

void EventLoop::detach(SourceId source) {
  if (find(source) == nullptr) {
    return;
  }
  const auto slot = static_cast<std::uint32_t>(source);
  state_->slots[slot].source = nullptr;
  ++state_->slots[slot].use;
  state_->slots[slot].next_free = state_->free_slot;
  state_->free_slot = slot;
}

Source* EventLoop::find(SourceId source) const { return state_->find(source); }
void EventLoop::request_ready(SourceId source) { state_->requested.push_back(source); }
void EventLoop::request_flush(SourceId source) { state_->flushes.push_back(source); }

const LoopStats& EventLoop::stats() const {
  state_->stats.wakeups = state_->mailbox->wakeups();
  return state_->stats;
}

}  // namespace quorate::env_posix
