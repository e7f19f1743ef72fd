#pragma once
// What (key, range_end) of a request means: one key, [key, end), everything from key on, or nothing.
// Facts: section 2.2 of etcd's facts.

#include "base/bytes.h"

namespace quorate::kv {

struct KeyRange {
  ByteView from;
  ByteView to;          ///< first key behind the range, unless open
  bool single = false;  ///< exactly `from`
  bool open = false;    ///< all keys >= from

  [[nodiscard]] bool contains(ByteView key) const { return single ? key == from : key >= from && (open || key < to); }
};

[[nodiscard]] inline KeyRange key_range(ByteView key, ByteView range_end) {
  KeyRange range{.from = key, .to = range_end};
  range.single = range_end.empty();
  range.open = range_end == ByteView("\0", 1);
  return range;
}

}  // namespace quorate::kv
