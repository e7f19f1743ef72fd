#pragma once
// Where a put's time goes on this replica: sums over samples, for `quorate bench put --stages` and /metrics.
//
// One batch of proposals and one write of the log are watched at a time, whichever comes when none is; so the cost is a
// few looks at the clock a turn, at load too. Times of other nodes do not compare: a follower's sync is counted by the
// follower.
// Invariant: a stage is counted only when it ended; what lost its leader is forgotten. A value of the replica's
// runtime, on the node's loop.

#include <array>
#include <cstdint>
#include <string_view>

#include "base/ids.h"
#include "base/time.h"
#include "env/clock.h"

namespace quorate::group {

class PutStages {
 public:
  enum class Stage : std::uint8_t {
    receive,      ///< leader: from the request's proposal to its place in the log, at the end of the turn
    sync,         ///< any node: from a write's hand-over to the log until it is durable
    replication,  ///< leader: from the place in the log to the commit
    execution,    ///< leader: from the commit until the state machine has executed it
  };
  static constexpr std::array<std::string_view, 4> kNames = {"receive", "sync", "replication", "execution"};

  struct Sum {
    std::uint64_t count = 0;
    Duration total{};
  };

  explicit PutStages(const env::Clock& clock) : clock_(clock) {}

  void on_proposed();
  void on_placed(Position position);
  /// The turn's proposals were given to the core: what was not placed was refused.
  void on_turn_end();
  void on_write(Io io);
  void on_durable(Io io);
  void on_commit(Position up_to);
  void on_executed(Position up_to);
  void on_leadership_lost() { phase_ = Phase::idle; }

  [[nodiscard]] const std::array<Sum, kNames.size()>& sums() const { return sums_; }

 private:
  enum class Phase : std::uint8_t { idle, proposed, placed, committed };
  /// Counts the stage that began at `since`, which becomes now.
  void count(Stage stage, Instant& since);

  const env::Clock& clock_;
  Phase phase_ = Phase::idle;
  Position position_;  ///< of the batch's first entry, from placed on
  Instant since_;      ///< the phase began
  Io write_;           ///< none: no write is watched
  Instant write_began_;
  std::array<Sum, kNames.size()> sums_;
};

}  // namespace quorate::group
