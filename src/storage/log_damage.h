#pragma once
// What recovery knows of each group when parts of the log cannot be read.
//
// A damaged payload is one entry's, and which is known. But a frame whose head or description is damaged may have held
// anything of any group: what was written in front of it may have been replaced or cut off since, by it, and it may
// have had entries that nothing behind it speaks of. A group's log is believed only if it was emptied behind the last
// such loss. Invariants: 1. what is given of a group is what it held last, or it is said to be lost. 2. a group that
// was written anew behind the damage (reset_to, its state) is whole: so a repaired log stays repaired. Owned by
// recovery.

#include <cstdint>
#include <string>
#include <vector>

#include "storage/log.h"
#include "storage/log_index.h"

namespace quorate::storage {

class LogDamage {
 public:
  /// For people: a place of the log, and what is wrong there. Segments rise.
  void note(std::uint64_t segment, std::string what) {
    first_segment_ = notes_.empty() ? segment : first_segment_;
    notes_.push_back(std::move(what));
  }
  /// Frames of unknown groups were lost here; the next frame that can be read gets `next_serial`.
  void on_lost(std::uint64_t next_serial) { behind_serial_ = next_serial; }

  [[nodiscard]] const std::vector<std::string>& notes() const { return notes_; }
  /// The oldest one that is damaged; 0: none is.
  [[nodiscard]] std::uint64_t first_segment() const { return first_segment_; }
  [[nodiscard]] bool lost_frames() const { return behind_serial_ != 0; }

  /// What `index`, to which all readable frames were applied, is worth.
  [[nodiscard]] std::vector<RecoveredGroup> judge(const LogIndex& index) const;

 private:
  std::vector<std::string> notes_;
  std::uint64_t first_segment_ = 0;
  std::uint64_t behind_serial_ = 0;  ///< frames from here on stand behind the last loss; 0: there was none
};

}  // namespace quorate::storage
