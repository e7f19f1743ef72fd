#pragma once
// Names to addresses without stopping the loop: getaddrinfo() on at most four threads of its own.
//
// Invariants: 1. answers arrive on the loop, one per call. 2. at most kMaxThreads lookups run; kMaxWaiting more wait,
//                and what exceeds that fails at once. 3. a lookup that hangs does not delay the process's end.
// Owned by the transport; the threads keep what they need alive.

#include <functional>
#include <memory>
#include <vector>

#include "base/result.h"
#include "env_posix/address.h"
#include "env_posix/poster.h"

namespace quorate::env_posix {

class Resolver {
 public:
  using Answer = std::function<void(Result<std::vector<SocketAddress>>)>;
  static constexpr std::size_t kMaxThreads = 4;
  static constexpr std::size_t kMaxWaiting = 1024;

  explicit Resolver(std::shared_ptr<Poster> poster);
  ~Resolver();
  Resolver(const Resolver&) = delete;
  Resolver& operator=(const Resolver&) = delete;

  /// Calls `answer` on the loop in a later turn, unless the loop ended.
  void look_up(HostPort host, Answer answer);

 private:
  struct Shared;
  static void work(const std::shared_ptr<Shared>& shared);
  std::shared_ptr<Shared> shared_;
};

}  // namespace quorate::env_posix
