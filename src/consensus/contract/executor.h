#pragma once
// The rules that bind a core's effects to the world, as one pure class used by `group`, `sim` and the explorer.
//
// Rules: 1. effects are released in the order in which they were emitted, except that
//        2. a Send is held until the write it names in `after` is durable. Sends that wait keep their order; one
//           that waits for nothing may overtake them (links promise no order either).
//        3. Persists are handed out at once, in order; `io` must rise by one.
//        4. a crash keeps a prefix of the Persists, at least up to the last confirmed one; held Sends are lost.
// Owned by a replica's runtime, on its loop.

#include <vector>

#include "base/fifo.h"
#include "consensus/contract/effect.h"

namespace quorate::consensus {

class Executor {
 public:
  /// Takes over `effects` (emptied) and appends to `ready` those that may be carried out now, in order.
  void admit(std::vector<Effect>& effects, std::vector<Effect>& ready);

  /// The write `io` and all before it are durable: appends to `ready` the Sends that waited for it.
  void confirm(Io io, std::vector<Effect>& ready);

  /// The last Persist handed out, and the last confirmed one.
  [[nodiscard]] Io issued() const { return issued_; }
  [[nodiscard]] Io durable() const { return durable_; }
  [[nodiscard]] std::size_t held() const { return held_.size(); }
  /// What waits for a write, in order: part of a replica's state for the explorer.
  [[nodiscard]] const Fifo<Send>& held_sends() const { return held_; }

 private:
  Io issued_;
  Io durable_;
  Fifo<Send> held_;  ///< in order of emission; each has `after` > durable_
};

}  // namespace quorate::consensus
