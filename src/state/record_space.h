#pragma once
// Where a state machine keeps its records: keys begin with group and generation, so that those of two groups, or of two
// generations of one, never meet. A snapshot is received as the records of a new generation beside the present one.
//
// Invariants: 1. both numbers are big-endian, 8 bytes each: the records of a generation lie together, and those of a
// group. 2. generations of a group rise. Pure.

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>

#include "base/bytes.h"
#include "base/ids.h"

namespace quorate::state {

inline constexpr std::size_t kSpaceBytes = 16;
/// Of a group that never received a snapshot.
inline constexpr Generation kFirstGeneration{1};

struct RecordSpace {
  GroupId group;
  Generation generation;

  /// What the keys begin with.
  [[nodiscard]] Buffer first() const {
    std::array<char, kSpaceBytes> bytes{};
    for (std::size_t i = 0; i < 8; ++i) {
      bytes[i] = static_cast<char>(static_cast<unsigned char>(group.value() >> (56 - 8 * i)));
      bytes[8 + i] = static_cast<char>(static_cast<unsigned char>(generation.value() >> (56 - 8 * i)));
    }
    return Buffer::copy_of({bytes.data(), bytes.size()});
  }
  /// The first key behind all of them.
  [[nodiscard]] Buffer behind() const { return RecordSpace{group, generation.next()}.first(); }
  /// Of a record's key; nothing if it is too short for one.
  [[nodiscard]] static std::optional<Generation> generation_of(ByteView key) {
    if (key.size() < kSpaceBytes) {
      return std::nullopt;
    }
    std::uint64_t value = 0;
    for (std::size_t i = 8; i < kSpaceBytes; ++i) {
      value = value << 8 | static_cast<unsigned char>(key[i]);
    }
    return Generation(value);
  }
  /// The same for all generations of a group.
  [[nodiscard]] static Buffer first_of(GroupId group) { return RecordSpace{group, Generation()}.first(); }
  [[nodiscard]] static Buffer behind_all(GroupId group) { return first_of(group.next()); }
};

}  // namespace quorate::state
