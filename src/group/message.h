#pragma once
// A consensus message between two replicas of a group: the core's own bytes, and the log entries attached to them.
//
// Invariants: 1. attached positions are dense, so only the first is written; tags are written as runs. 2. payloads are
//                never copied: they leave as parts of their own and arrive as slices of the received buffer.
//             3. decoding reads only inside the message and never allocates more than the bytes that arrived justify.
// Format, to the byte: docs/formats/group_message.md. Pure functions, used on the loop.

#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "consensus/contract/entry.h"
#include "storage/log.h"

namespace quorate::group {

/// A decoded message. `core_bytes` points into the buffer that was decoded; the entries share it.
struct GroupMessage {
  ByteView core_bytes;
  std::vector<consensus::Entry> entries;
};

/// Appends to `parts` the pieces that make up the message on the wire: one small head, then the payloads as they are.
/// `entries` have dense rising positions. `scratch` is the caller's, so that its memory is used again.
void encode_message(ByteView core_bytes, std::span<const storage::LogEntry> entries, std::string& scratch,
                    std::vector<Buffer>& parts);

/// Decodes a received message into `out` (whose memory is used again). False if the bytes break the format: then
/// `out` holds nothing to rely on.
[[nodiscard]] bool decode_message(const Buffer& message, GroupMessage& out);

}  // namespace quorate::group
