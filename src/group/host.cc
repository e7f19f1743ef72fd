#include "group/host.h"

#include <algorithm>
#include <utility>

#include "base/assert.h"
#include "group/host_runtime.h"
#include "group/snapshot_message.h"

namespace quorate::group {
namespace {

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
                environment.traces, Callback<const Scrubber::Damage&>::to<&HostRuntime::on_damage_found>(this)),
      mender_({config_.mesh.heartbeat_interval, config_.mesh.silence_limit}, node_, *this) {
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
  if (config_.mesh.peers.empty()) {
    mending_.clear();
    mender_.forget();
  }
  for (const auto& [group, replica] : replicas_) {
    if (!mender_.is_mending(group)) {
      replica->start();
    }
  }
  is_tail_open_ = recovery_.uncertain_tail;
  is_damage_open_ = !recovery_.damage.empty();
  check_recovered(0);
  mender_.start();
  scrubber_.start();
  return {};
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
    case peer::Channel::mending:
      if (const auto decoded = decode_mend_message(message)) {
        mender_.on_message(from, group, *decoded);
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
  mender_.on_peer_up(node);
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
  mender_.stop();
  engine_.stop();
  for (const auto& [group, replica] : replicas_) {
    replica->stop();
  }
  environment_.traces.trace({"group.host_stopped"});
  const Error copy = why;
  events_.on_stopped(copy);
}

}  // namespace quorate::group
