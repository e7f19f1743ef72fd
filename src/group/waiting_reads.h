#pragma once
// The linearizable reads of one replica: those of a turn share one question to the core, and each is served when the
// position that the core named was executed here (thesis 6.4).
//
// Invariants: 1. every context given to add() is reported exactly once: served or dropped. 2. a round's context is that
//                of its first read, so it is as unique as the callers made theirs.
// Owned by the replica's runtime, on the node's loop. No callbacks: the runtime asks and tells.

#include <deque>
#include <optional>
#include <vector>

#include "base/ids.h"

namespace quorate::group {

class WaitingReads {
 public:
  /// Joins the round that the end of this turn begins.
  void add(Context read) { next_.push_back(read); }

  /// Begins a round with everything added since the last; none if nothing was.
  [[nodiscard]] std::optional<Context> begin_round();

  /// The core answered the round: it may be served once `position` was executed. False: no such round.
  [[nodiscard]] bool on_serve(Context round, Position position);

  /// The core dropped the round: appends its reads to `out`. False: no such round.
  [[nodiscard]] bool on_dropped(Context round, std::vector<Context>& out);

  /// Appends to `out` the reads whose position is at or below `executed`, and forgets them.
  void take_served(Position executed, std::vector<Context>& out);

  /// Reads that wait in any way.
  [[nodiscard]] std::size_t size() const;

 private:
  struct Round {
    Context context;
    std::optional<Position> position;  ///< set once the core has answered
    std::vector<Context> reads;
  };

  [[nodiscard]] std::deque<Round>::iterator find_unanswered(Context round);
  void erase(std::deque<Round>::iterator round);

  std::vector<Context> next_;
  std::deque<Round> rounds_;    ///< in order of their beginning
  std::vector<Context> spare_;  ///< memory of a finished round, for the next
};

}  // namespace quorate::group
