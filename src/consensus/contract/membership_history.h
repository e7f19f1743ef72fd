#pragma once
// The memberships of a log's entries, by position. Which of them is in force is the protocol's affair: one may use the
// latest in its log, committed or not, and return to the one before when that entry is cut off (M-10); another may keep
// decided ones only.
//
// Invariants: 1. never empty; the first is in force where the log begins. 2. positions rise.
// Owned by the core.

#include <vector>

#include "base/hash.h"
#include "consensus/contract/entry.h"

namespace quorate::consensus {

class MembershipHistory {
 public:
  struct Version {
    Membership membership;
    EntryId id;  ///< of the entry that holds it
  };

  MembershipHistory(Membership base, EntryId id) : versions_{{std::move(base), id}} {}

  [[nodiscard]] const Version& latest() const { return versions_.back(); }
  [[nodiscard]] const Membership& current() const { return versions_.back().membership; }
  /// The membership in force at `position`.
  [[nodiscard]] const Version& at(Position position) const;

  void add(Membership membership, EntryId id);
  /// Entries from `position` on are gone. True if the current membership changed.
  bool truncate_from(Position position);
  /// The log begins behind `position` from now on.
  void discard_below(Position position);

  /// Calls `visit` with each version in (from, to].
  template <class Visit>
  void visit_between(Position from, Position to, Visit visit) const {
    for (const Version& version : versions_) {
      if (version.id.position > from && version.id.position <= to) {
        visit(version);
      }
    }
  }

  void hash_into(Hasher& hasher) const;

 private:
  std::vector<Version> versions_;
};

}  // namespace quorate::consensus
