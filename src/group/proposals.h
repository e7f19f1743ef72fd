#pragma once
// The proposals of one replica: those of a turn reach the core as one batch; each is accounted until its place was
// executed or the core dropped it.
//
// Invariants: 1. `bytes` is the sum of what is neither executed nor dropped, so that proposers can be pushed back.
//             2. a proposal whose position was executed with another tag took no effect, and is reported so once.
// Owned by the replica's runtime, on the node's loop. The memory of a batch is used again.

#include <optional>
#include <vector>

#include "base/bytes.h"
#include "base/ids.h"
#include "consensus/contract/input.h"

namespace quorate::group {

class Proposals {
 public:
  void add(Context context, Buffer command, NodeId origin);
  /// Accounts for what reaches the core by itself, after all that was added: a change of the membership.
  void expect(Context context);

  [[nodiscard]] bool has_batch() const { return !batch_.batch.empty(); }
  /// Moves this turn's batch into `input`, at most `max_bytes` of it but at least one proposal; give it back with
  /// reuse() after the step, and ask has_batch() again.
  void take_batch(std::size_t max_bytes, consensus::Input& input);
  void reuse(consensus::Input& input);

  void on_placed(Context context, EntryId id);
  /// False: unknown or already settled.
  bool on_dropped(Context context);
  /// The entry `id` was executed. Returns the proposal that was placed there with another tag, if one was.
  [[nodiscard]] std::optional<Context> on_executed(EntryId id);
  /// This replica no longer leads: what it placed is no burden on new proposals.
  void forgive_bytes();

  [[nodiscard]] std::size_t bytes() const { return bytes_; }
  [[nodiscard]] std::size_t outstanding() const { return live_; }

 private:
  struct Outstanding {
    Context context;  ///< none: settled
    std::size_t size = 0;
    EntryId id;  ///< none until placed
  };

  void settle(Outstanding& proposal);
  void trim();

  consensus::Propose batch_;
  std::size_t batch_bytes_ = 0;
  std::vector<Outstanding> list_;  ///< in order of proposing; [0, head_) is settled
  std::size_t head_ = 0;
  std::size_t unplaced_ = 0;  ///< everything before it was placed or settled
  std::size_t bytes_ = 0;
  std::size_t live_ = 0;
};

}  // namespace quorate::group
