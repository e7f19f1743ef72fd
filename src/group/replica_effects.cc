// How a replica carries out each effect of its core; the order of the calls is the executor's.

#include <algorithm>
#include <limits>
#include <utility>
#include <variant>

#include "base/assert.h"
#include "base/match.h"
#include "base/plant.h"
#include "consensus/contract/membership_codec.h"
#include "group/replica_runtime.h"
#include "group/salvage.h"

namespace quorate::group {

using namespace consensus;  // NOLINT(google-build-using-namespace): this file speaks the contract's words throughout
using storage::LogOp;

namespace {

constexpr Position kNoPosition{std::numeric_limits<std::uint64_t>::max()};

}  // namespace

void ReplicaRuntime::carry_out(Persist& effect) {
  std::vector<LogOp> ops;
  ops.reserve(effect.ops.size());
  Position lowest = kNoPosition;
  for (PersistOp& op : effect.ops) {
    ops.push_back(to_log_op(op, lowest));
  }
  if (lowest != kNoPosition) {
    durable_.on_write(effect.io, lowest);
  }
  stages_.on_write(effect.io);
  write_salvage();
  node_.log.append(group_, effect.io, std::move(ops));
  const auto reset =
      std::ranges::find_if(effect.ops, [](const PersistOp& op) { return std::holds_alternative<ResetTo>(op); });
  if (reset != effect.ops.end()) {
    adopt(std::get<ResetTo>(*reset).snapshot, effect.io);
  }
}

void ReplicaRuntime::write_salvage() {
  if (!salvage_.empty()) {
    node_.log.append(group_, Io(0), std::exchange(salvage_, {}));
  }
}

/// At once: whoever is damaged next relies on this replica. What follows in the log follows on disk: a crash in between
/// leaves the loss noted, and it is made good once more.
void ReplicaRuntime::note_loss_made_good() {
  if (!has_loss_ || stopped_ || core_->status().loss.kind != Loss::Kind::none) {
    return;
  }
  has_loss_ = false;
  write_salvage();
  node_.log.append(group_, Io(0), loss_made_good());
  loss_note_ = node_.log.added_frames();
}

/// Not before: what is left of the time before the loss, in the records or laid aside, is needed as long as a crash
/// could bring the loss back.
void ReplicaRuntime::tell_loss_made_good() {
  if (!loss_note_ || stopped_ || node_.log.durable_frames() < *loss_note_) {
    return;
  }
  loss_note_.reset();
  end_loss();
}

void ReplicaRuntime::end_loss() {
  trace("group.loss_made_good", core_->status().last.value());
  events_.on_loss_made_good();
  if (const Status dropped = receiver_.drop_others(); !dropped) {
    node_.owner.on_fatal(dropped.error());
  }
}

LogOp ReplicaRuntime::to_log_op(PersistOp& op, Position& lowest) {
  const auto touches = [&lowest](Position position) { lowest = position < lowest ? position : lowest; };
  return std::visit(
      Match{[](SetState& one) { return LogOp{.kind = LogOp::Kind::set_state, .blob = std::move(one.blob)}; },
            [&touches](Put& one) {
              touches(one.entry.id.position);
              return LogOp{
                  .kind = LogOp::Kind::put,
                  .entry = {one.entry.id, static_cast<std::uint8_t>(one.entry.kind), std::move(one.entry.payload)}};
            },
            [this, &touches](TruncateFrom& one) {
              QUORATE_ASSERT(one.position > applier_.executed(), "what was executed is never cut off", group_,
                             one.position, applier_.executed());
              touches(one.position);
              return LogOp{.kind = LogOp::Kind::truncate_from, .entry = {.id = {one.position, Tag()}}};
            },
            [this](DiscardBelow& one) {
              QUORATE_ASSERT(one.id.position > discarded_.position, "a log is discarded forwards", group_,
                             one.id.position, discarded_.position);
              base_membership_ = std::move(one.membership);
              std::erase_if(changes_, [&one](const auto& change) { return change.first <= one.id.position; });
              discarded_ = one.id;
              return LogOp{.kind = LogOp::Kind::discard_below,
                           .entry = {.id = one.id},
                           .blob = encode_membership(base_membership_)};
            },
            [this, &touches](ResetTo& one) {
              touches(Position(1));
              base_membership_ = one.membership;
              std::erase_if(changes_, [&one](const auto& change) {
                return !one.keeps_later || change.first <= one.snapshot.position;
              });
              discarded_ = one.snapshot;
              return LogOp{.kind = one.keeps_later ? LogOp::Kind::discard_below : LogOp::Kind::reset_to,
                           .entry = {.id = one.snapshot},
                           .generation = one.generation,
                           .blob = encode_membership(one.membership)};
            },
            [](SetCell& one) {
              return LogOp{.kind = LogOp::Kind::set_cell, .key = std::move(one.key), .blob = std::move(one.blob)};
            }},
      op);
}

void ReplicaRuntime::carry_out(Send& effect) { outbox_.send(std::move(effect)); }

void ReplicaRuntime::carry_out(Commit& effect) {
  stages_.on_commit(effect.up_to);
  applier_.commit(effect.up_to);
  apply();
}

void ReplicaRuntime::carry_out(Chosen& effect) { machine_.decide(effect.key, effect.payload); }

void ReplicaRuntime::carry_out(Placed& effect) {
  proposals_.on_placed(effect.context, effect.id);
  stages_.on_placed(effect.id.position);
}

void ReplicaRuntime::carry_out(Dropped& effect) {
  if (effect.refusal != ReconfigureRefusal::none) {
    proposals_.on_dropped(effect.context);
    events_.on_reconfiguration_refused(effect.context, effect.refusal);
    return;
  }
  if (cells_read_.erase(effect.context) != 0) {
    events_.on_dropped(effect.context, effect.outcome);
    return;
  }
  contexts_.clear();
  if (!reads_.on_dropped(effect.context, contexts_)) {
    proposals_.on_dropped(effect.context);
    contexts_.push_back(effect.context);
  }
  for (const Context context : contexts_) {
    events_.on_dropped(context, effect.outcome);
  }
}

void ReplicaRuntime::carry_out(ServeRead& effect) {
  if (cells_read_.erase(effect.context) != 0) {
    events_.on_read_ready(effect.context);
    return;
  }
  if (!reads_.on_serve(effect.context, effect.position)) {
    return;
  }
  if (effect.position > applier_.executed()) {
    trace("group.read_waits", effect.position.value() - applier_.executed().value());
    if (QUORATE_PLANT(read_before_applied)) {
      contexts_.clear();
      reads_.take_served(effect.position, contexts_);
      for (const Context context : contexts_) {
        events_.on_read_ready(context);
      }
      return;
    }
  }
  serve_reads();
}

void ReplicaRuntime::carry_out(ConfigurationChanged& effect) {
  node_.owner.on_configuration_changed(group_, effect);
  events_.on_configuration_changed(effect);
  if (effect.id.position <= discarded_.position) {
    base_membership_ = std::move(effect.membership);
    changes_.clear();
    return;
  }
  // A change that was taken back is followed by the one in force before it, which erases it here.
  std::erase_if(changes_, [&effect](const auto& change) { return change.first >= effect.id.position; });
  changes_.emplace_back(effect.id.position, std::move(effect.membership));
}

void ReplicaRuntime::carry_out(SetTimer& effect) { timers_.set(effect); }

void ReplicaRuntime::carry_out(CancelTimer& effect) { timers_.cancel(effect.kind); }

void ReplicaRuntime::carry_out(RoleChanged& effect) {
  if (effect.from == Role::leader && effect.to != Role::leader) {
    proposals_.forgive_bytes();
    stages_.on_leadership_lost();
    sender_.cancel_all();
  }
  trace("group.role_changed", effect.tag.value());
  events_.on_role_changed(effect);
}

void ReplicaRuntime::carry_out(Trace& effect) { node_.traces.trace(effect.event); }

}  // namespace quorate::group
