#pragma once
// A Membership as bytes: the payload of configuration entries, and what the log keeps with the place where it begins.
//
// Layout: version (1 byte, 1), then voters, outgoing voters, learners: each a varint count and varint node ids, rising.
// Invariants: 1. what encode wrote, decode reads back. 2. decode accepts only what encode can write, of at most
//                kMaxMembers nodes a list, and allocates nothing before the bytes were there.
// Pure functions.

#include <cstddef>
#include <optional>

#include "base/bytes.h"
#include "consensus/contract/entry.h"

namespace quorate::consensus {

/// Of one list. Far above what any protocol here is used with.
inline constexpr std::size_t kMaxMembers = 128;

[[nodiscard]] Buffer encode_membership(const Membership& membership);

/// Nothing if the bytes break the layout.
[[nodiscard]] std::optional<Membership> decode_membership(ByteView bytes);

}  // namespace quorate::consensus
