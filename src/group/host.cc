#include "group/host.h"

#include <algorithm>
#include <utility>

#include "base/assert.h"
#include "base/plant.h"
#include "consensus/contract/membership_codec.h"
#include "group/host_runtime.h"
#include "group/recovered_state.h"
#include "group/salvage.h"
#include "group/snapshot_message.h"
#include "group/snapshot_receiver.h"

namespace quorate::group {
namespace {

constexpr Duration kRecoveredCheckInterval = std::chrono::milliseconds(100);

ReplicaLimits limits_of(const HostConfig& config) {
  ReplicaLimits limits;
  limits.max_uncommitted_bytes = config.max_uncommitted_bytes;
  // A message must fit a frame of the links, whatever its entries: leave room for the message itself.
  limits.max_attached_bytes = std::min(limits.max_attached_bytes, config.mesh.max_frame_bytes / 4);
  limits.tail_entries = config.log_tail_entries;
  limits.tail_bytes = config.log_tail_bytes;
  limits.snapshots = config.snapshots;
  limits.snapshots.chunk_bytes = std::min(limits.snapshots.chunk_bytes, config.mesh.max_frame_bytes / 4);
  return limits;
}

/// Whose records are the group's: the log says so.
Generation generation_of(const storage::RecoveredGroup* recovered) {
  if (recovered == nullptr || recovered->generation.is_none()) {
    return state::kFirstGeneration;
  }
  return QUORATE_PLANT(keeps_old_generation) ? recovered->generation.previous() : recovered->generation;
}

/// The memberships that the log holds, by position.
std::vector<std::pair<Position, consensus::Membership>> changes_in(const consensus::PersistedState& state) {
  std::vector<std::pair<Position, consensus::Membership>> changes;
  for (const consensus::PersistedState::Slot& slot : state.log) {
    if (slot.kind == consensus::EntryKind::configuration) {
      if (std::optional<consensus::Configuration> read = consensus::decode_configuration(slot.payload.view())) {
        changes.emplace_back(slot.id.position, std::move(read->membership));
      }
    }
  }
  return changes;
}

/// What was in force at the position that the state machine has executed, and which was therefore committed.
consensus::Membership executed_membership(const ReplicaStart& start) {
  const auto later =
      std::ranges::find_if(start.changes, [&start](const auto& change) { return change.first > start.executed; });
  return later == start.changes.begin() ? start.membership : std::prev(later)->second;
}

EngineWriterConfig writer_config_of(const HostConfig& config) {
  return {.write_interval = config.engine_write_interval,
          .flush_interval = config.engine_flush_interval,
          .flush_after_log_bytes = 4 * config.log.segment_bytes};
}

}  // namespace

Result<std::unique_ptr<Host>> Host::open(HostConfig config, Environment environment, HostEvents& events) {
  if (config.mesh.self.is_none() || config.mesh.life.incarnation.is_none()) {
    return fail(ErrorCode::invalid, "a node needs an id and an incarnation, neither of them 0");
  }
  storage::Recovery recovery;
  Result<std::unique_ptr<storage::Log>> log =
      storage::Log::open(environment.files, environment.loop, environment.clock, environment.entropy,
                         config.log_directory, config.log, recovery);
  if (!log) {
    return std::unexpected<Error>(std::move(log).error());
  }
  Result<std::unique_ptr<peer::MetLives>> met = peer::MetLives::open(environment.files, config.met_lives_file);
  if (!met) {
    return std::unexpected<Error>(std::move(met).error());
  }
  return std::make_unique<HostRuntime>(std::move(config), environment, events, std::move(*log), std::move(*met),
                                       std::move(recovery));
}

HostRuntime::HostRuntime(HostConfig config, Environment environment, HostEvents& events,
                         std::unique_ptr<storage::Log> log, std::unique_ptr<peer::MetLives> met,
                         storage::Recovery recovery)
    : config_(std::move(config)),
      environment_(environment),
      events_(events),
      log_(std::move(log)),
      met_(std::move(met)),
      recovery_(std::move(recovery)),
      limits_(limits_of(config_)),
      pace_(config_.snapshot_bytes_per_second),
      node_{.clock = environment.clock,
            .loop = environment.loop,
            .entropy = environment.entropy,
            .traces = environment.traces,
            .log = *log_,
            .records = environment.records,
            .pace = pace_,
            .owner = *this},
      engine_(writer_config_of(config_), environment.clock, environment.loop, environment.records, *log_,
              environment.traces, Callback<const Error&>::to<&HostRuntime::on_engine_failed>(this)),
      scrubber_(config_.scrub_interval, environment.clock, environment.loop, *log_, environment.records,
                environment.traces, Callback<const Scrubber::Damage&>::to<&HostRuntime::on_damage_found>(this)) {
  log_->set_events(this);
  met_->set_events(Callback<NodeId>::to<&HostRuntime::on_life_noted>(this),
                   Callback<const Error&>::to<&HostRuntime::on_lives_failed>(this));
  for (const consensus::Contact& contact : config_.contacts) {
    book_.learn(contact);
  }
}

HostRuntime::~HostRuntime() {
  log_->set_events(nullptr);
  environment_.loop.cancel(recovered_timer_);
}

Status HostRuntime::add_group(GroupConfig config, state::StateMachine& machine, GroupEvents& events) {
  QUORATE_ASSERT(!started_, "groups are added before the start", config.group);
  QUORATE_ASSERT(!config.group.is_none() && config.core.self == config_.mesh.self, "a group's node is this node",
                 config.group, config.core.self, config_.mesh.self);
  if (replicas_.contains(config.group)) {
    return fail(ErrorCode::already_exists, "group " + std::to_string(config.group.value()) + " was added twice");
  }
  Result<ReplicaStart> start = recover_group(config, machine);
  if (!start) {
    return std::unexpected<Error>(std::move(start).error());
  }
  const Position executed = start->executed;
  auto replica = std::make_unique<ReplicaRuntime>(std::move(*start), node_, limits_, machine, events);
  engine_.add(*replica, executed);
  replicas_.emplace(config.group, std::move(replica));
  limits_.tail_bytes = config_.log_tail_bytes / replicas_.size();
  return {};
}

Result<ReplicaStart> HostRuntime::recover_group(GroupConfig& config, state::StateMachine& machine) {
  storage::RecoveredGroup* recovered = find_recovered(config.group);
  Generation generation = generation_of(recovered);
  Result<Position> applied = machine.recover(generation);
  if (!applied) {
    found_damaged_records_ = applied.error().code == ErrorCode::corrupt;
    return std::unexpected<Error>(applied.error());
  }
  if (recovered == nullptr && !applied->is_none()) {
    recovered = &note_lost_log(config.group);
  }
  Generation highest = highest_generation(environment_.records, config.group, generation);
  Salvage rest = recovered == nullptr ? Salvage{} : salvage(*recovered, *applied, config_.records_laid_aside);
  if (rest.blank) {
    highest = highest.next();
    generation = highest;
    begin_blank(*recovered, rest, generation);
    applied = machine.recover(generation);
    QUORATE_ASSERT(applied == Position(), "an unused generation is empty", config.group, generation);
  }
  Result<consensus::PersistedState> state =
      make_persisted_state(config.group, recovered, *applied, recovery_.uncertain_tail);
  if (!state) {
    return std::unexpected<Error>(std::move(state).error());
  }
  state->loss = rest.loss;
  if (rest.loss.kind == consensus::Loss::Kind::none) {
    QUORATE_TRY(drop_other_generations(environment_.records, config.group, generation));
  }
  keep_contacts(*state);
  if (recovered != nullptr) {
    recovered->entries = {};  // the core keeps ids, the log keeps payloads
  }
  ReplicaStart start{
      .group = config.group,
      .self = config.core.self,
      .life = config_.mesh.life.incarnation,
      .generation = generation,
      .executed = *applied,
      .discarded = state->discarded,
      .membership = state->membership.all_nodes().empty() ? config.core.initial_membership : state->membership,
      .changes = changes_in(*state),
      .last_generation = highest,
      .salvage = std::move(rest.ops)};
  committed_[config.group] = executed_membership(start);
  config.core.incarnation = config_.mesh.life.incarnation;
  start.core = config.factory.make(config.core, std::move(*state));
  return start;
}

/// What the log held of the group; null if this node has never had it. A lost frame may have been all there was of it.
storage::RecoveredGroup* HostRuntime::find_recovered(GroupId group) {
  const auto found = std::ranges::find(recovery_.groups, group, &storage::RecoveredGroup::group);
  if (found != recovery_.groups.end()) {
    return &*found;
  }
  return recovery_.lost_frames ? &note_lost_log(group) : nullptr;
}

storage::RecoveredGroup& HostRuntime::note_lost_log(GroupId group) {
  return recovery_.groups.emplace_back(storage::RecoveredGroup{.group = group, .log_lost = true, .state_lost = true});
}

Status HostRuntime::start() {
  QUORATE_ASSERT(!started_, "a host starts once");
  for (const storage::RecoveredGroup& group : recovery_.groups) {
    if (!replicas_.contains(group.group)) {
      return fail(ErrorCode::invalid, "the log holds group " + std::to_string(group.group.value()) +
                                          ", which this node's configuration does not name");
    }
  }
  learn_contacts(std::exchange(logged_contacts_, {}));
  for (const consensus::Contact& contact : book_.all()) {
    if (contact.node != config_.mesh.self) {
      std::erase_if(config_.mesh.peers, [&](const peer::Peer& peer) { return peer.node == contact.node; });
      config_.mesh.peers.push_back({contact.node, address_of(contact)});
    }
  }
  Result<std::unique_ptr<peer::Mesh>> mesh =
      peer::Mesh::start(config_.mesh, environment_.loop, environment_.clock, environment_.entropy,
                        environment_.transport, *met_, *this, environment_.traces);
  if (!mesh) {
    return std::unexpected<Error>(std::move(mesh).error());
  }
  mesh_ = std::move(*mesh);
  node_.mesh = mesh_.get();
  started_ = true;
  for (const auto& [group, replica] : replicas_) {
    replica->start();
  }
  is_tail_open_ = recovery_.uncertain_tail;
  is_damage_open_ = !recovery_.damage.empty();
  check_recovered(0);
  scrubber_.start();
  return {};
}

std::size_t HostRuntime::groups_in_repair() const {
  return static_cast<std::size_t>(
      std::ranges::count_if(replicas_, [](const auto& one) { return one.second->has_loss(); }));
}

void HostRuntime::check_recovered(std::uint64_t) {
  recovered_timer_ = 0;
  for (const auto& [group, replica] : replicas_) {
    replica->tell_loss_made_good();
  }
  if (stopped_ || (!is_tail_open_ && !is_damage_open_ && groups_in_repair() == 0)) {
    return;
  }
  const auto all = [this](const auto& holds) {
    return std::ranges::all_of(replicas_, [&](const auto& one) { return holds(*one.second); });
  };
  if (is_tail_open_ && all([](const ReplicaRuntime& one) { return !one.status().uncertain_tail; })) {
    is_tail_open_ = false;
    environment_.traces.trace({"group.tail_settled"});
    log_->tail_settled();
  }
  if (is_damage_open_ && all([](const ReplicaRuntime& one) { return one.has_noted_loss(); })) {
    is_damage_open_ = false;
    environment_.traces.trace({"group.damage_noted"});
    log_->damage_noted();
  }
  recovered_timer_ = environment_.loop.arm(environment_.clock.now() + kRecoveredCheckInterval,
                                           Callback<>::to<&HostRuntime::check_recovered>(this));
}

Replica& HostRuntime::replica(GroupId group) {
  ReplicaRuntime* found = find(group);
  QUORATE_ASSERT(found != nullptr, "the group was added", group);
  return *found;
}

ReplicaRuntime* HostRuntime::find(GroupId group) {
  const auto found = replicas_.find(group);
  return found == replicas_.end() ? nullptr : found->second.get();
}

std::vector<peer::LinkStatus> HostRuntime::links() const {
  return mesh_ == nullptr ? std::vector<peer::LinkStatus>{} : mesh_->links();
}

bool HostRuntime::pushes_back() const {
  return stopped_ || environment_.records.stalled() || log_->unsynced_bytes() > config_.max_unsynced_bytes;
}

// ---- links ----------------------------------------------------------------------------------------------

void HostRuntime::on_message(NodeId from, peer::Channel channel, GroupId group, Buffer message) {
  ReplicaRuntime* replica = find(group);
  if (replica == nullptr || stopped_) {
    environment_.traces.trace({"group.message_for_unknown_group", group.value(), from.value()});
    return;
  }
  switch (channel) {
    case peer::Channel::consensus:
      if (!decode_message(message, received_)) {
        environment_.traces.trace({"group.message_malformed", group.value(), from.value()});
      } else {
        replica->on_message(from, received_.core_bytes, received_.entries);
      }
      received_.entries.clear();
      return;
    case peer::Channel::service: replica->events().on_service_message(from, std::move(message)); return;
    case peer::Channel::snapshot:
      if (const auto decoded = decode_snapshot_message(message)) {
        replica->on_snapshot_message(from, *decoded);
      } else {
        environment_.traces.trace({"group.message_malformed", group.value(), from.value()});
      }
      return;
  }
  environment_.traces.trace({"group.message_malformed", group.value(), from.value()});
}

void HostRuntime::on_peer_up(NodeId node, Incarnation incarnation) {
  Incarnation& latest = peers_[node];
  if (incarnation < latest) {
    environment_.traces.trace({"group.peer_up_outdated", node.value(), incarnation.value()});
    return;
  }
  latest = incarnation;
  for (const auto& [group, replica] : replicas_) {
    replica->on_peer_up(node, incarnation);
  }
}

void HostRuntime::on_peer_down(NodeId node, Incarnation incarnation, std::string_view /*why*/) {
  if (incarnation < peers_[node]) {
    environment_.traces.trace({"group.peer_down_outdated", node.value(), incarnation.value()});
    return;
  }
  for (const auto& [group, replica] : replicas_) {
    replica->on_peer_down(node, incarnation);
  }
}

void HostRuntime::on_life_noted(std::uint64_t, NodeId node) {
  if (mesh_ != nullptr && !stopped_) {
    mesh_->on_life_noted(node);
  }
}

void HostRuntime::on_peer_rejected(NodeId node, std::string_view why) { events_.on_peer_rejected(node, why); }

// ---- log and engine ---------------------------------------------------------------------------------------

void HostRuntime::on_durable(GroupId group, Io io) {
  if (ReplicaRuntime* replica = find(group); replica != nullptr && !stopped_) {
    replica->on_durable(io);
  }
}

void HostRuntime::on_log_failed(const Error& error) {
  on_fatal({error.code, "the write-ahead log failed, so this node stops; nothing it acknowledged is lost. " +
                            error.text + ". Check the disk, then start the node again."});
}

void HostRuntime::on_lives_failed(std::uint64_t, const Error& why) {
  on_fatal({why.code, why.text + ". So this node stops; nothing it acknowledged is lost. Check the disk, then start "
                                 "the node again."});
}

void HostRuntime::on_engine_failed(std::uint64_t, const Error& why) {
  found_damaged_records_ = why.code == ErrorCode::corrupt;
  on_fatal({why.code,
            "the record store failed, so this node stops; the write-ahead log has everything it "
            "acknowledged. " +
                why.text + ". Check the disk, then start the node again."});
}

void HostRuntime::on_damage_found(std::uint64_t, const Scrubber::Damage& damage) {
  found_damaged_records_ = damage.in_records;
  on_fatal(damage.why);
}

void HostRuntime::on_fatal(const Error& why) {
  if (stopped_) {
    return;
  }
  stopped_ = true;
  scrubber_.stop();
  engine_.stop();
  for (const auto& [group, replica] : replicas_) {
    replica->stop();
  }
  environment_.traces.trace({"group.host_stopped"});
  const Error copy = why;
  events_.on_stopped(copy);
}

}  // namespace quorate::group
