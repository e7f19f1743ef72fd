#include "consensus/contract/step_output.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "base/assert.h"

namespace quorate::consensus {

void StepOutput::set_timer(TimerKind kind, Duration min, Duration max) {
  emit(SetTimer{.kind = kind, .min = min, .max = max});
}

void StepOutput::send(NodeId to, Buffer message, std::optional<Attach> attach, Io after) {
  after = std::max(after, state_io_);
  emit(Send{.to = to, .message = std::move(message), .attach = attach, .after = after > durable_ ? after : Io()});
}

std::vector<PersistOp>& StepOutput::write() {
  if (!open_write_) {
    issued_ = issued_.next();
    open_write_ = effects_.size();
    emit(Persist{.io = issued_});
  }
  return std::get<Persist>(effects_[*open_write_]).ops;
}

void StepOutput::write_state(Buffer blob) {
  std::vector<PersistOp>& ops = write();
  const auto earlier =
      std::ranges::find_if(ops, [](const PersistOp& op) { return std::holds_alternative<SetState>(op); });
  if (earlier != ops.end()) {
    *earlier = SetState{std::move(blob)};
  } else {
    ops.emplace_back(SetState{std::move(blob)});
  }
  state_io_ = issued_;
  for (std::size_t i = *open_write_; i < effects_.size(); ++i) {
    if (auto* said = std::get_if<Send>(&effects_[i]); said != nullptr) {
      said->after = issued_;  // what was said since the write began may come of what it holds now
    }
  }
}

void StepOutput::confirm(Io io) {
  QUORATE_ASSERT(io <= issued_, "only what was written becomes durable", io, issued_);
  durable_ = std::max(durable_, io);
}

void StepOutput::take(std::vector<Effect>& out) {
  open_write_.reset();
  if (out.empty()) {
    out.swap(effects_);
    return;
  }
  out.insert(out.end(), std::make_move_iterator(effects_.begin()), std::make_move_iterator(effects_.end()));
  effects_.clear();
}

}  // namespace quorate::consensus
