#pragma once
// Records that were read from the engine, bounded in bytes: four places for each revision, the oldest of them goes.
//
// Records never change, so that nothing here is ever stale; a compacted one is asked for by nobody.
// Empty it holds no memory; it grows with what is read. Owned by the store.

#include <cstdint>
#include <vector>

#include "base/bytes.h"
#include "state/kv/key_entry.h"

namespace quorate::kv {

class ValueCache {
 public:
  explicit ValueCache(std::size_t bound_bytes) : bound_bytes_(bound_bytes) {}

  [[nodiscard]] bool find(Revision at, Buffer& value) const;
  /// Values larger than a 64th of the bound are not kept.
  void insert(Revision at, const Buffer& value);
  void clear();
  [[nodiscard]] std::size_t bytes() const { return bytes_; }

 private:
  static constexpr std::size_t kWays = 4;
  static constexpr std::size_t kFirstSlots = 64;
  static constexpr std::size_t kMaxSlots = 1U << 18;
  struct Slot {
    Revision at;
    std::uint64_t used = 0;  ///< when it was filled; 0: empty
    Buffer value;
  };

  [[nodiscard]] std::size_t set_of(Revision at) const;
  void evict(Slot& slot);
  void grow();

  std::vector<Slot> slots_;
  std::size_t filled_ = 0;
  std::size_t hand_ = 0;
  std::uint64_t time_ = 0;
  std::size_t bytes_ = 0;
  std::size_t bound_bytes_ = 0;
};

}  // namespace quorate::kv
