#include "consensus/contract/executor.h"

#include <utility>

#include "base/assert.h"

namespace quorate::consensus {

void Executor::admit(std::vector<Effect>& effects, std::vector<Effect>& ready) {
  for (Effect& effect : effects) {
    if (const auto* persist = std::get_if<Persist>(&effect)) {
      QUORATE_ASSERT(persist->io == issued_.next(), "the writes of a life rise by one", persist->io, issued_);
      issued_ = persist->io;
    } else if (auto* send = std::get_if<Send>(&effect); send != nullptr && send->after > durable_) {
      QUORATE_ASSERT(send->after <= issued_, "a message waits only for a write already handed out", send->after,
                     issued_);
      held_.push_back(std::move(*send));
      continue;
    }
    ready.push_back(std::move(effect));
  }
  effects.clear();
}

void Executor::confirm(Io io, std::vector<Effect>& ready) {
  QUORATE_ASSERT(io <= issued_, "only writes that were handed out become durable", io, issued_);
  if (io <= durable_) {
    return;  // a later confirmation covered it
  }
  durable_ = io;
  std::size_t kept = 0;
  for (Send& send : held_) {
    if (send.after <= durable_) {
      ready.emplace_back(std::move(send));
    } else if (&held_[kept] != &send) {
      held_[kept++] = std::move(send);
    } else {
      ++kept;
    }
  }
  held_.truncate(kept);
}

}  // namespace quorate::consensus
