#include "rpc/session_memory.h"

#include <algorithm>
#include <bit>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <new>

namespace quorate::rpc {
namespace {

/// Stands before each piece. Sixteen bytes keep the piece aligned for anything.
struct alignas(16) PieceHead {
  std::size_t capacity;    ///< usable bytes behind the head
  std::size_t size_class;  ///< kHeapClass: too large to be kept
};

constexpr std::size_t kSmallestShift = 6;
constexpr std::size_t kHeapClass = SIZE_MAX;

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr bool kKeeps = false;
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) || __has_feature(memory_sanitizer)
constexpr bool kKeeps = false;
#else
constexpr bool kKeeps = true;
#endif
#else
constexpr bool kKeeps = true;
#endif

PieceHead* head_of(void* piece) { return static_cast<PieceHead*>(piece) - 1; }

}  // namespace

SessionMemory& SessionMemory::of_this_thread() {
  thread_local SessionMemory memory;
  return memory;
}

SessionMemory::~SessionMemory() {
  for (std::vector<void*>& pieces : kept_) {
    for (void* piece : pieces) {
      ::operator delete(head_of(piece));
    }
  }
}

void* SessionMemory::take(std::size_t size) {
  const std::size_t needed = std::max<std::size_t>(size + sizeof(PieceHead), std::size_t{1} << kSmallestShift);
  const std::size_t size_class = static_cast<std::size_t>(std::bit_width(needed - 1)) - kSmallestShift;
  const bool is_kept = kKeeps && size_class < kSizes;
  if (is_kept && !kept_[size_class].empty()) {
    void* piece = kept_[size_class].back();
    kept_[size_class].pop_back();
    return piece;
  }
  const std::size_t total = is_kept ? std::size_t{1} << (size_class + kSmallestShift) : needed;
  void* memory = ::operator new(total, std::nothrow);
  if (memory == nullptr) {
    return nullptr;
  }
  auto* head = new (memory) PieceHead{total - sizeof(PieceHead), is_kept ? size_class : kHeapClass};
  return head + 1;
}

void SessionMemory::give_back(void* piece) {
  if (piece == nullptr) {
    return;
  }
  PieceHead* head = head_of(piece);
  if (head->size_class != kHeapClass) {
    std::vector<void*>& pieces = kept_[head->size_class];
    if (pieces.size() << (head->size_class + kSmallestShift) < kKeptBytes) {
      pieces.push_back(piece);
      return;
    }
  }
  ::operator delete(head);
}

void* SessionMemory::resize(void* piece, std::size_t size) {
  if (piece == nullptr) {
    return take(size);
  }
  const std::size_t capacity = head_of(piece)->capacity;
  if (size <= capacity) {
    return piece;
  }
  void* larger = take(size);
  if (larger != nullptr) {
    std::memcpy(larger, piece, capacity);
    give_back(piece);
  }
  return larger;
}

}  // namespace quorate::rpc
