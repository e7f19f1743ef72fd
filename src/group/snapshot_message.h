#pragma once
// What two replicas of a group say to each other while one brings the other a snapshot.
//
//   sender                                   receiver
//   SnapshotOffer{id, membership}  -------->  asks its core
//                                  <--------  SnapshotWant{from chunk 0, up to the window's end}
//   SnapshotChunk 0, 1, ...        -------->  checks, keeps; each allows a further one
//                                  <--------  SnapshotWant{from chunk 1, ...}
//   the last chunk: sum of all     -------->  makes all of it durable, goes over to it
//                                  <--------  SnapshotEnd{has_it}
//
// Invariants: 1. a chunk is whole and in its place, or does not decode: its checksum covers session, number and
// content.
//             2. decoding reads only inside the message and allocates no more than what arrived justifies.
// Format, to the byte: docs/formats/snapshot_message.md. Pure functions, used on the loop.

#include <cstdint>
#include <optional>
#include <span>
#include <variant>
#include <vector>

#include "base/bytes.h"
#include "consensus/contract/entry.h"
#include "env/record_store.h"

namespace quorate::group {

/// Names one attempt to bring a snapshot to one receiver; rises with each of a sender's lives and attempts.
using SnapshotSession = std::uint64_t;

/// To the receiver: there is a snapshot of everything up to `id`. Repeated while nobody answers.
struct SnapshotOffer {
  SnapshotSession session = 0;
  EntryId id;
  consensus::Membership membership;  ///< in force at `id`
};

/// To the sender: chunks below `next` have arrived; those from `next` to below `end` may be sent.
struct SnapshotWant {
  SnapshotSession session = 0;
  std::uint64_t next = 0;
  std::uint64_t end = 0;
  bool again = false;  ///< what was sent from `next` on seems lost
};

/// To the receiver: consecutive records, keys without group and generation.
struct SnapshotChunk {
  SnapshotSession session = 0;
  std::uint64_t number = 0;
  std::vector<env::RecordPage::Sizes> sizes;
  Buffer bytes;           ///< keys and values one behind the other
  std::uint32_t sum = 0;  ///< of the content: for the sum of the whole
  /// In the last one: the sums of all contents together, and how many records they held.
  struct Whole {
    std::uint32_t sum = 0;
    std::uint64_t records = 0;
  };
  std::optional<Whole> whole;
};

/// Either way: the session has ended.
struct SnapshotEnd {
  enum class Outcome : std::uint8_t { has_it = 1, failed = 2 };
  SnapshotSession session = 0;
  Outcome outcome = Outcome::failed;
};

using SnapshotMessage = std::variant<SnapshotOffer, SnapshotWant, SnapshotChunk, SnapshotEnd>;

/// The parts of the message on the wire. A chunk's `sum` is not read: see sum_of_chunk().
[[nodiscard]] std::vector<Buffer> encode_snapshot_message(const SnapshotMessage& message);
/// Nothing if the bytes break the format or a checksum.
[[nodiscard]] std::optional<SnapshotMessage> decode_snapshot_message(const Buffer& bytes);

/// The sum of a chunk's content.
[[nodiscard]] std::uint32_t sum_of_chunk(std::span<const env::RecordPage::Sizes> sizes, ByteView bytes);
/// The sum of all chunks up to one, from the sum of those before it.
[[nodiscard]] std::uint32_t add_to_sum(std::uint32_t before, std::uint32_t chunk);

}  // namespace quorate::group
