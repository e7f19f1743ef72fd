#pragma once
// A membership as the bytes that the log keeps with the place where a group's log begins.
//
// Layout: three lists (voters, outgoing voters, learners), each a varint count and the node ids as varints, rising.
// Invariants: 1. what encode wrote, decode reads back. 2. decode allocates no more than the bytes justify.
// Pure functions. Cores encode the payload of configuration entries themselves; this is not that format.

#include "base/bytes.h"
#include "base/result.h"
#include "consensus/contract/entry.h"

namespace quorate::group {

[[nodiscard]] Buffer encode_membership(const consensus::Membership& membership);

/// ErrorCode::corrupt if the bytes break the layout. Empty bytes are an empty membership.
[[nodiscard]] Result<consensus::Membership> decode_membership(ByteView bytes);

}  // namespace quorate::group
