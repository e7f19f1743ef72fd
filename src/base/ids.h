#pragma once
// Strong identifiers: 64-bit numbers that do not mix with each other or with plain integers.
//
// Invariants: 1. zero is never the id of a real node, group, entry or write: it means "none".
//             2. ids are ordered and hashable, so they may key sorted containers.

#include <compare>
#include <cstdint>
#include <functional>

namespace quorate {

template <class Kind>
class StrongId {
 public:
  constexpr StrongId() = default;
  constexpr explicit StrongId(std::uint64_t value) : value_(value) {}

  [[nodiscard]] constexpr std::uint64_t value() const { return value_; }
  [[nodiscard]] constexpr bool is_none() const { return value_ == 0; }
  [[nodiscard]] constexpr StrongId next() const { return StrongId(value_ + 1); }
  /// The id before this one; none stays none.
  [[nodiscard]] constexpr StrongId previous() const { return StrongId(value_ == 0 ? 0 : value_ - 1); }

  friend constexpr auto operator<=>(StrongId, StrongId) = default;

 private:
  std::uint64_t value_ = 0;
};

/// A member of the cluster (etcd's member id). Stable over restarts.
using NodeId = StrongId<struct NodeIdKind>;
/// A consensus group: one replicated log.
using GroupId = StrongId<struct GroupIdKind>;
/// A place in a group's log. Dense, the first entry is 1.
using Position = StrongId<struct PositionKind>;
/// What orders rival entries for one position: a term, an epoch, a ballot.
using Tag = StrongId<struct TagKind>;
/// One durable write of a replica; a single rising sequence per replica and life.
using Io = StrongId<struct IoKind>;
/// Names a proposal or a read until it is answered; chosen by the caller, unique per replica and life.
using Context = StrongId<struct ContextKind>;
/// All members of a cluster share it; links refuse any other.
using ClusterId = StrongId<struct ClusterIdKind>;
/// One life of a process: greater than that of every earlier life of the same node.
using Incarnation = StrongId<struct IncarnationKind>;
/// One lineage of a group's data in the record store; a snapshot installation starts the next.
using Generation = StrongId<struct GenerationKind>;

/// Identifies an entry: two entries with equal ids are the same entry.
struct EntryId {
  Position position;
  Tag tag;
  friend constexpr auto operator<=>(const EntryId&, const EntryId&) = default;
};

}  // namespace quorate

template <class Kind>
struct std::hash<quorate::StrongId<Kind>> {
  std::size_t operator()(quorate::StrongId<Kind> id) const noexcept {
    // Fibonacci hashing: neighbouring ids land in distant buckets.
    return static_cast<std::size_t>(id.value() * 0x9E3779B97F4A7C15ULL);
  }
};
