#pragma once
// The newest records in memory: those that the engine does not have yet, and behind them as many as a bound allows,
// so that what was just written is read without the engine.
//
// Invariants: 1. records lie in the order of revisions, whole main revisions only; finding one is O(1), as main
// revisions are dense and subs count from 0. 2. a record leaves only after it was collected. 3. after trim() those
// collected hold at most the bound. Owned by the store.

#include <cstdint>

#include "base/bytes.h"
#include "state/kv/key_entry.h"
#include "state/kv/ring.h"

namespace quorate::kv {

class RecentRecords {
 public:
  RecentRecords(std::int64_t next_main, std::size_t bound_bytes) : bound_bytes_(bound_bytes) { restart(next_main); }

  /// Empty, as if everything below `next_main` had been collected and left.
  void restart(std::int64_t next_main);
  /// Adds the next record: the next sub of the newest main revision, or sub 0 of the next one.
  void append(Revision at, Buffer block);
  /// The record's block (key and value), or null.
  [[nodiscard]] const Buffer* find(Revision at) const;

  /// Main revisions up to this one are in the engine.
  [[nodiscard]] std::int64_t collected() const { return collected_; }
  /// Calls visit(block) for the records of the main revisions in (collected(), last].
  template <class Visit>
  void visit_uncollected(std::int64_t last, Visit visit) const {
    for (std::uint64_t at = first_of(collected_ + 1); at < first_of(last + 1); ++at) {
      visit(blocks_[at - begin_]);
    }
  }
  void mark_collected(std::int64_t last);
  /// Lets the oldest collected records go, down to the bound. To be called when the engine has been given them.
  void trim();
  /// The oldest main revision that is here; the next one to come if there is none.
  [[nodiscard]] std::int64_t oldest() const { return first_main_; }
  [[nodiscard]] std::size_t bytes() const { return bytes_; }

 private:
  [[nodiscard]] std::int64_t next_main() const { return first_main_ + static_cast<std::int64_t>(firsts_.size()); }
  /// The running number of main revision's first record.
  [[nodiscard]] std::uint64_t first_of(std::int64_t main) const {
    return main >= next_main() ? begin_ + blocks_.size() : firsts_[static_cast<std::size_t>(main - first_main_)];
  }

  Ring<Buffer> blocks_;
  Ring<std::uint64_t> firsts_;   ///< for each main revision here, the running number of its first record
  std::uint64_t begin_ = 0;      ///< running number of blocks_[0]
  std::int64_t first_main_ = 0;  ///< main revision of firsts_[0]
  std::int64_t collected_ = 0;
  std::size_t bytes_ = 0;
  std::size_t bound_bytes_ = 0;
};

}  // namespace quorate::kv
