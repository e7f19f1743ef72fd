#pragma once
// What an acceptor knows of its slots: which value each has, by the tag that it was first proposed with, and the ballot
// in which it was accepted last. No payloads.
//
// Invariants: 1. a slot's accepted ballot is that of its vote if it has one, and never below its value's tag.
//             2. votes stand only where a value was accepted again in a later ballot than its own: few, and gone once
//             the
//                slot is known to be decided for good.
// Owned by the core. "The log" is what was written, durable or not.

#include <optional>

#include "base/hash.h"
#include "base/ids.h"
#include "consensus/multipaxos/tag_runs.h"

namespace quorate::multipaxos {

class SlotLog {
 public:
  /// Without slots, beginning behind `discarded`.
  explicit SlotLog(EntryId discarded = {}) : discarded_(discarded) {}

  [[nodiscard]] EntryId discarded() const { return discarded_; }
  /// The last slot that has a value; where the log begins if none has.
  [[nodiscard]] Position last() const { return slots_.is_empty() ? discarded_.position : slots_.last(); }

  /// The tag at `position`; nothing for a hole, behind last() and below discarded(). Position 0 has tag 0.
  [[nodiscard]] std::optional<Tag> tag_at(Position position) const;
  [[nodiscard]] bool has(EntryId id) const { return tag_at(id.position) == id.tag; }
  /// The ballot in which the value at `position` was accepted; none if there is no value.
  [[nodiscard]] Tag accepted_at(Position position) const;
  /// The last position up to which all slots from `from` on were accepted in `ballot`; the one before `from` if none.
  [[nodiscard]] Position accepted_until(Position from, Tag ballot) const;
  /// The last position up to which there is no hole from `from` on.
  [[nodiscard]] Position end_from(Position from) const { return slots_.end_from(from); }

  /// Slots whose values have one tag and were accepted in one ballot.
  struct Segment {
    Position first;
    Position last;
    Tag tag;
    Tag accepted;
  };
  /// The first one at or behind `from`, without what stands before `from`.
  [[nodiscard]] std::optional<Segment> segment_from(Position from) const;

  void put(Position first, Position last, Tag tag) { slots_.set(first, last, tag); }
  void vote(Position first, Position last, Tag ballot) { votes_.set(first, last, ballot); }
  /// Votes up to `position` are not needed any more.
  void forget_votes(Position position) { votes_.erase_up_to(position); }
  [[nodiscard]] const TagRuns& votes() const { return votes_; }
  /// The log begins behind `id` from now on; what stands behind it stays.
  void discard_below(EntryId id);

  void hash_into(Hasher& hasher) const;

 private:
  EntryId discarded_;
  TagRuns slots_;
  TagRuns votes_;
};

}  // namespace quorate::multipaxos
