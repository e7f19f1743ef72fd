#include "group/replica_runtime.h"

#include <algorithm>
#include <utility>
#include <variant>

#include "base/assert.h"
#include "base/plant.h"

namespace quorate::group {

using namespace consensus;  // NOLINT(google-build-using-namespace): this file speaks the contract's words throughout

namespace {

/// The plant `apply_twice_after_restart` executes the last entry again.
Position first_executed(Position recovered) {
  return QUORATE_PLANT(apply_twice_after_restart) ? recovered.previous() : recovered;
}

}  // namespace

ReplicaRuntime::ReplicaRuntime(ReplicaStart start, NodeParts& node, const ReplicaLimits& limits,
                               state::StateMachine& machine, GroupEvents& events)
    : group_(start.group),
      self_(start.self),
      node_(node),
      limits_(limits),
      machine_(machine),
      events_(events),
      core_(std::move(start.core)),
      timers_(node.clock, node.loop, node.entropy, Callback<TimerKind>::to<&ReplicaRuntime::on_timer>(this)),
      stages_(node.clock),
      outbox_(start.group, node, limits, Callback<>::to<&ReplicaRuntime::report_unsent>(this)),
      applier_(start.group, node, limits, machine, proposals_, first_executed(start.executed),
               Callback<>::to<&ReplicaRuntime::resume_apply>(this)),
      sender_(start.group, start.life, node, limits.snapshots,
              Callback<const SnapshotSent&>::to<&ReplicaRuntime::on_snapshot_sent>(this),
              Callback<const SnapshotNews&>::to<&ReplicaRuntime::on_snapshot_news>(this)),
      receiver_(start.group, start.generation, start.last_generation, node, limits.snapshots, machine, *this,
                Callback<const SnapshotNews&>::to<&ReplicaRuntime::on_snapshot_news>(this)),
      pins_(node.records),
      has_loss_(core_->status().loss.kind != consensus::Loss::Kind::none),
      told_applied_(applier_.executed()),
      discarded_(start.discarded),
      salvage_(std::move(start.salvage)),
      base_membership_(std::move(start.membership)),
      changes_(std::move(start.changes)) {}

void ReplicaRuntime::begin_with(ReplicaStart start) {
  QUORATE_ASSERT(!started_ && start.executed == applier_.executed(), "nothing has happened yet", group_, start.executed,
                 applier_.executed());
  core_ = std::move(start.core);
  discarded_ = start.discarded;
  salvage_ = std::move(start.salvage);
  base_membership_ = std::move(start.membership);
  changes_ = std::move(start.changes);
  if (std::exchange(has_loss_, core_->status().loss.kind != Loss::Kind::none) && !has_loss_) {
    end_loss();
  }
}

/// Who has entries of a later leader may be elected, with the vote of who asks. Who asks may have led itself: then
/// nobody may know yet that it does not any more.
bool ReplicaRuntime::goes_on_without(const EntryId& entry, NodeId asking) const {
  if (!started_) {
    return false;
  }
  const CoreStatus status = core_->status();
  const Tag latest = std::max(tag_at(entry.position), tag_at(status.last));
  return applier_.executed() >= entry.position || latest > entry.tag ||
         (!status.leader.is_none() && status.leader != asking);
}

void ReplicaRuntime::start() {
  QUORATE_ASSERT(!started_, "a replica starts once", group_);
  if (stopped_) {
    return;
  }
  started_ = true;
  handling_ = true;
  core_->take_effects(effects_);
  executor_.admit(effects_, ready_);
  carry_out_ready();
  tell_applied();
  handling_ = false;
  if (reads_.size() > 0 || proposals_.has_batch() || !cell_proposals_.batch.empty() || !cell_reads_.empty() ||
      !reconfigurations_.empty()) {
    schedule_end_of_turn();
  }
}

void ReplicaRuntime::stop() {
  stopped_ = true;
  timers_.stop();
  outbox_.stop();
  applier_.stop();
  sender_.stop();
  receiver_.stop();
  pins_.stop();
}

// ---- inputs ---------------------------------------------------------------------------------------------

void ReplicaRuntime::handle(const Input& input) {
  if (stopped_ || !started_) {
    return;
  }
  QUORATE_ASSERT(!handling_, "a core is never entered twice", group_);
  handling_ = true;
  step(input);
  tell_applied();
  handling_ = false;
  note_loss_made_good();
}

void ReplicaRuntime::tell_applied() {
  while (!stopped_ && applier_.executed() > told_applied_) {
    told_applied_ = applier_.executed();
    step(Applied{told_applied_});
  }
}

void ReplicaRuntime::step(const Input& input) {
  core_->step(node_.clock.now(), input);
  core_->take_effects(effects_);
  executor_.admit(effects_, ready_);
  carry_out_ready();
  if (QUORATE_PLANT(ack_before_sync) && executor_.durable() < executor_.issued()) {
    const Io io = executor_.issued();
    executor_.confirm(io, ready_);
    carry_out_ready();
    step(Persisted{io});
  }
}

void ReplicaRuntime::carry_out_ready() {
  for (Effect& effect : ready_) {
    if (stopped_) {
      break;
    }
    std::visit([this](auto& one) { carry_out(one); }, effect);
  }
  ready_.clear();
}

void ReplicaRuntime::on_message(NodeId from, ByteView core_bytes, std::span<const Entry> entries) {
  handle(Receive{from, core_bytes, entries});
}

void ReplicaRuntime::on_durable(Io io) {
  if (stopped_ || !started_) {
    return;
  }
  durable_.on_durable(io);
  stages_.on_durable(io);
  if (QUORATE_PLANT(ack_before_sync)) {
    return;  // was confirmed long ago
  }
  executor_.confirm(io, ready_);
  carry_out_ready();
  handle(Persisted{io});
  if (!adopting_.is_none() && io >= adopting_ && !stopped_) {
    adopting_ = Io();
    receiver_.on_adopted_durable();
    serve_pins(0);
  }
}

void ReplicaRuntime::on_peer_up(NodeId node, Incarnation incarnation) { handle(PeerUp{node, incarnation}); }

void ReplicaRuntime::on_peer_down(NodeId node, Incarnation incarnation) {
  handle(PeerDown{node, incarnation});
  if (!stopped_) {
    events_.on_peer_down(node);
  }
}

void ReplicaRuntime::on_timer(std::uint64_t, TimerKind kind) { handle(TimerFired{kind}); }

// ---- what callers ask -------------------------------------------------------------------------------------

bool ReplicaRuntime::propose(Context context, Buffer command, NodeId origin) {
  QUORATE_ASSERT(!context.is_none(), "a proposal has a name", group_);
  const bool is_full = proposals_.bytes() > 0 && proposals_.bytes() + command.size() > limits_.max_uncommitted_bytes;
  if (stopped_ || is_full || node_.owner.pushes_back()) {
    trace("group.pushed_back", proposals_.bytes());
    return false;
  }
  proposals_.add(context, std::move(command), origin);
  stages_.on_proposed();
  schedule_end_of_turn();
  return true;
}

void ReplicaRuntime::read(Context context) {
  QUORATE_ASSERT(!context.is_none(), "a read has a name", group_);
  reads_.add(context);
  schedule_end_of_turn();
}

bool ReplicaRuntime::propose_cell(Context context, Buffer cell, Buffer value) {
  QUORATE_ASSERT(!context.is_none(), "a proposal has a name", group_);
  if (stopped_ || node_.owner.pushes_back()) {
    trace("group.pushed_back", cell_proposals_.batch.size());
    return false;
  }
  cell_proposals_.batch.push_back(
      {.context = context, .payload = std::move(value), .cell = std::move(cell), .origin = {}});
  schedule_end_of_turn();
  return true;
}

void ReplicaRuntime::read_cell(Context context, Buffer cell) {
  QUORATE_ASSERT(!context.is_none(), "a read has a name", group_);
  cell_reads_.push_back({context, std::move(cell)});
  cells_read_.insert(context);
  schedule_end_of_turn();
}

void ReplicaRuntime::transfer_leadership(NodeId to) {
  transfer_to_ = to;
  schedule_end_of_turn();
}

void ReplicaRuntime::reconfigure(Context context, Membership target, std::vector<Contact> contacts) {
  QUORATE_ASSERT(!context.is_none(), "a change of the membership has a name", group_);
  reconfigurations_.push_back({context, std::move(target), std::move(contacts)});
  schedule_end_of_turn();
}

bool ReplicaRuntime::send_service_message(NodeId to, Buffer message) {
  if (stopped_ || node_.mesh == nullptr) {
    return false;
  }
  return node_.mesh->send(to, peer::Channel::service, group_, {&message, 1});
}

void ReplicaRuntime::schedule_end_of_turn() {
  if (!end_of_turn_scheduled_ && started_ && !stopped_) {
    end_of_turn_scheduled_ = true;
    node_.loop.defer(Callback<>::to<&ReplicaRuntime::end_turn>(this));
  }
}

void ReplicaRuntime::end_turn(std::uint64_t) {
  end_of_turn_scheduled_ = false;
  while (!stopped_ && proposals_.has_batch()) {
    proposals_.take_batch(limits_.max_attached_bytes, propose_input_);
    handle(propose_input_);
    proposals_.reuse(propose_input_);
  }
  stages_.on_turn_end();
  if (const std::optional<Context> round = reads_.begin_round()) {
    handle(Read{*round});
  }
  if (!cell_proposals_.batch.empty()) {
    handle(std::exchange(cell_proposals_, {}));
  }
  for (const Read& wish : std::exchange(cell_reads_, {})) {
    handle(wish);
  }
  for (const Reconfigure& wish : std::exchange(reconfigurations_, {})) {
    proposals_.expect(wish.context);
    handle(wish);
  }
  if (transfer_to_) {
    handle(TransferLeadership{*std::exchange(transfer_to_, std::nullopt)});
  }
}

// ---- execution ----------------------------------------------------------------------------------------------

void ReplicaRuntime::apply() {
  const Position before = applier_.executed();
  applier_.run(replaced_);
  stages_.on_executed(applier_.executed());
  if (applier_.executed() > before) {
    node_.owner.on_executed(*this);
  }
  for (const Context context : std::exchange(replaced_, {})) {
    trace("group.proposal_replaced", context.value());
    events_.on_dropped(context, Dropped::Outcome::never);
  }
  serve_reads();
}

void ReplicaRuntime::resume_apply(std::uint64_t) {
  if (stopped_) {
    return;
  }
  QUORATE_ASSERT(!handling_, "execution is resumed by the loop", group_);
  handling_ = true;
  apply();
  tell_applied();
  handling_ = false;
}

void ReplicaRuntime::serve_reads() {
  contexts_.clear();
  reads_.take_served(applier_.executed(), contexts_);
  for (const Context context : contexts_) {
    events_.on_read_ready(context);
  }
}

void ReplicaRuntime::report_unsent(std::uint64_t) {
  unsent_.clear();
  outbox_.take_dropped(unsent_);
  for (const SendDropped& dropped : unsent_) {
    handle(dropped);
  }
}

// ---- the engine ---------------------------------------------------------------------------------------------

Position ReplicaRuntime::writable() const {
  const Position limit = durable_.limit();
  return limit < applier_.executed() ? limit : applier_.executed();
}

bool ReplicaRuntime::discard(Position durable) {
  if (stopped_ || !started_) {
    return true;
  }
  const Position target = std::min(durable, discardable());
  if (target > discarded_.position) {
    const std::optional<Tag> tag = node_.log.tag_of(group_, target);
    QUORATE_ASSERT(tag.has_value(), "what is to be discarded is in the log", group_, target, discarded_.position);
    trace("group.discards", target.value());
    handle(SnapshotTaken{{target, *tag}, membership_at(target)});
  }
  return discarded_.position >= applier_.executed();
}

const Membership& ReplicaRuntime::membership_at(Position position) const {
  const Membership* found = &base_membership_;
  for (const auto& [from, membership] : changes_) {
    if (from <= position) {
      found = &membership;
    }
  }
  return *found;
}

}  // namespace quorate::group
