#pragma once
// Memory for HTTP/2 sessions: freed pieces are kept by size and handed out again, so that a call in steady state
// reaches the heap for its message only.
//
// Invariants: 1. what is kept unused is bounded (kKeptBytes per size). 2. pieces go back to the thread they came from:
//                a session lives on one loop. 3. sanitizer builds keep nothing, so that misuse is seen.
// One per thread, shared by all connections of its loop.

#include <array>
#include <cstddef>
#include <vector>

namespace quorate::rpc {

class SessionMemory {
 public:
  SessionMemory() = default;
  ~SessionMemory();
  SessionMemory(const SessionMemory&) = delete;
  SessionMemory& operator=(const SessionMemory&) = delete;

  [[nodiscard]] static SessionMemory& of_this_thread();

  /// As malloc, free and realloc: null if there is no memory; `size` may be 0.
  [[nodiscard]] void* take(std::size_t size);
  void give_back(void* piece);
  [[nodiscard]] void* resize(void* piece, std::size_t size);

 private:
  static constexpr std::size_t kSizes = 7;  ///< 64 bytes to 4 KiB; what is larger lives as long as its session
  static constexpr std::size_t kKeptBytes = 2U << 20;

  std::array<std::vector<void*>, kSizes> kept_;
};

}  // namespace quorate::rpc
