#pragma once
// What a core knows of its log: which tag each position has. No payloads.
//
// Invariants: 1. positions are dense from discarded() to last(); tags never fall. 2. the memory is one run per term.
// Owned by the core. "The log" is what was written, durable or not.

#include <cstdint>
#include <optional>
#include <vector>

#include "base/hash.h"
#include "base/ids.h"

namespace quorate::raft {

class LogView {
 public:
  /// An empty log that begins behind `discarded`.
  explicit LogView(EntryId discarded = {}) : discarded_(discarded), last_(discarded.position) {}

  [[nodiscard]] EntryId discarded() const { return discarded_; }
  [[nodiscard]] Position last_position() const { return last_; }
  [[nodiscard]] EntryId last() const { return {last_, runs_.empty() ? discarded_.tag : runs_.back().tag}; }

  /// The tag at `position`; nothing above last() or below discarded(). Position 0 has tag 0.
  [[nodiscard]] std::optional<Tag> tag_at(Position position) const;
  [[nodiscard]] bool has(EntryId id) const { return tag_at(id.position) == id.tag; }

  /// The last entry at or below `position` with a tag at or below `tag`; discarded() if there is none behind it.
  [[nodiscard]] EntryId last_at_or_below(Position position, Tag tag) const;

  /// Adds `count` entries of `tag` behind the last.
  void append(Tag tag, std::uint64_t count = 1);
  /// Removes `position` and everything above it; `position` is above discarded().
  void truncate_from(Position position);
  /// Forgets everything up to `id`, which the log has.
  void discard_below(EntryId id);

  [[nodiscard]] std::size_t run_count() const { return runs_.size(); }
  void hash_into(Hasher& hasher) const;

 private:
  struct Run {
    Position first;
    Tag tag;
  };

  [[nodiscard]] std::vector<Run>::const_iterator run_behind(Position position) const;

  EntryId discarded_;
  Position last_;
  std::vector<Run> runs_;  ///< rising in both members; the first begins right behind discarded_
};

}  // namespace quorate::raft
