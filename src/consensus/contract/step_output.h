#pragma once
// What a core gives out in a step, and how far its writes have come.
//
// Invariants: 1. at most one Persist per step, and ios rise by one. 2. a message waits for the last write of the small
// state, unless that is durable: nothing is revealed that a crash may take back. 3. the state of one step is one
// SetState, the last. Owned by a core.

#include <optional>
#include <vector>

#include "base/bytes.h"
#include "consensus/contract/effect.h"

namespace quorate::consensus {

class StepOutput {
 public:
  void emit(Effect effect) { effects_.push_back(std::move(effect)); }
  void set_timer(TimerKind kind, Duration min, Duration max);
  /// Sends once `after` and the small state are durable.
  void send(NodeId to, Buffer message, std::optional<Attach> attach = std::nullopt, Io after = {});
  /// The one Persist of this step; a further call in the same step adds to it.
  [[nodiscard]] std::vector<PersistOp>& write();
  void write_state(Buffer blob);

  /// For planted bugs: as if the small state had last been written by `io`.
  void plant_state_write(Io io) { state_io_ = io; }

  /// A new step begins.
  void begin_step() { open_write_.reset(); }
  /// Everything up to `io` is durable.
  void confirm(Io io);
  /// Room for `count` effects more.
  void reserve(std::size_t count) { effects_.reserve(effects_.size() + count); }
  /// Appends the effects since the last call, in order.
  void take(std::vector<Effect>& out);

  [[nodiscard]] Io issued() const { return issued_; }         ///< the last Persist
  [[nodiscard]] Io durable() const { return durable_; }       ///< the last confirmed one
  [[nodiscard]] Io state_write() const { return state_io_; }  ///< the last write of the small state

 private:
  std::vector<Effect> effects_;
  std::optional<std::size_t> open_write_;  ///< index of this step's Persist in effects_
  Io issued_;
  Io durable_;
  Io state_io_;
};

}  // namespace quorate::consensus
