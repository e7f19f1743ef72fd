#include "env_posix/entropy.h"

#include <cerrno>
#include <utility>

#include <sys/random.h>

#include "base/assert.h"

namespace quorate::env_posix {

std::uint64_t SystemEntropy::next() {
  if (used_ == words_.size()) {
    refill();
  }
  return std::exchange(words_[used_++], 0);
}

void SystemEntropy::refill() {
  const std::size_t size = words_.size() * sizeof words_[0];
  ssize_t got = 0;
  do {
    got = ::getrandom(words_.data(), size, 0);
  } while (got < 0 && errno == EINTR);
  QUORATE_ASSERT(got == static_cast<ssize_t>(size), "the kernel gives randomness", errno);
  used_ = 0;
}

}  // namespace quorate::env_posix
