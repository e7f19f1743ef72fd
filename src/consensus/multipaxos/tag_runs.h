#pragma once
// Tags of positions, as runs: which ballot a slot belongs to, or with one tag for all, a set of slots. Holes are
// allowed.
//
// Invariants: 1. runs rise, do not touch with equal tags, and are never empty. 2. appending to the last run costs no
//                memory: a log in peace is one run.
// A value inside a core.

#include <optional>
#include <vector>

#include "base/hash.h"
#include "base/ids.h"

namespace quorate::multipaxos {

class TagRuns {
 public:
  struct Run {
    Position first;
    Position last;
    Tag tag;
    friend bool operator==(const Run&, const Run&) = default;
  };

  [[nodiscard]] bool is_empty() const { return runs_.empty(); }
  [[nodiscard]] const std::vector<Run>& runs() const { return runs_; }
  /// The first run that ends at or behind `position`, or null.
  [[nodiscard]] const Run* run_from(Position position) const;
  [[nodiscard]] std::optional<Tag> at(Position position) const;
  /// The last position up to which there is no hole from `position` on; the one before it if it is a hole itself.
  [[nodiscard]] Position end_from(Position position) const;
  /// The last position; none if empty.
  [[nodiscard]] Position last() const { return runs_.empty() ? Position() : runs_.back().last; }

  /// Replaces what stood from `first` to `last`.
  void set(Position first, Position last, Tag tag);
  void erase_up_to(Position position);
  void clear() { runs_.clear(); }
  void hash_into(Hasher& hasher) const;

 private:
  void merge_around(std::size_t index);

  std::vector<Run> runs_;
};

}  // namespace quorate::multipaxos
