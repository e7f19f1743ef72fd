#include "env_posix/mailbox.h"

#include <cerrno>
#include <cstdint>
#include <utility>

#include <unistd.h>

namespace quorate::env_posix {

Mailbox::~Mailbox() { ::close(event_descriptor_); }

void Mailbox::post(std::function<void()> work) {
  {
    const std::lock_guard lock(mutex_);
    if (closed_) {
      return;
    }
    work_.push_back(std::move(work));
  }
  filled_.store(true);
  if (sleeping_.exchange(false)) {
    wakeups_.fetch_add(1, std::memory_order_relaxed);
    wake();
  }
}

void Mailbox::wake() noexcept {
  // The descriptor is watched edge-triggered and never read: each write is an edge. It cannot overflow before
  // 2^64 writes.
  const int saved = errno;
  const std::uint64_t one = 1;
  [[maybe_unused]] const ssize_t written = ::write(event_descriptor_, &one, sizeof one);
  errno = saved;  // a signal handler may call this
}

bool Mailbox::begin_sleep() {
  sleeping_.store(true);
  if (filled_.load()) {
    sleeping_.store(false);
    return false;
  }
  return true;
}

void Mailbox::take(std::vector<std::function<void()>>& work) {
  filled_.store(false);
  const std::lock_guard lock(mutex_);
  work.swap(work_);
}

void Mailbox::close() {
  std::vector<std::function<void()>> dropped;  // destroyed outside the lock: captures may post
  const std::lock_guard lock(mutex_);
  closed_ = true;
  dropped.swap(work_);
}

}  // namespace quorate::env_posix
