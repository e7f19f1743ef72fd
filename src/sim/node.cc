#include "sim/node.h"

#include "base/assert.h"
#include "sim/restored_node.h"

namespace quorate::sim {
namespace {

/// Passes what the store tells on to the observer of the run, then to the service.
class WatchedStore : public kv::StoreObserver {
 public:
  WatchedStore(std::uint32_t node, GroupId group, ReplicaObserver& run, kv::StoreObserver& service)
      : node_(node), group_(group), run_(run), service_(service) {}

  bool wants_reply(const kv::RequestId& request) const override { return service_.wants_reply(request); }
  void on_reply(const kv::RequestId& request, kv::Reply reply) override {
    service_.on_reply(request, std::move(reply));
  }
  void on_events(std::int64_t revision, std::span<const kv::Event> events) override {
    run_.on_events(node_, group_, revision, events);
    service_.on_events(revision, events);
  }
  void on_lease_granted(const kv::LeaseInfo& lease) override { service_.on_lease_granted(lease); }
  void on_lease_revoked(std::int64_t lease) override { service_.on_lease_revoked(lease); }
  void on_compacted(std::int64_t revision) override { service_.on_compacted(revision); }
  void on_replaced(std::int64_t revision) override {
    run_.on_replaced(node_, group_, revision);
    service_.on_replaced(revision);
  }

 private:
  std::uint32_t node_;
  GroupId group_;
  ReplicaObserver& run_;
  kv::StoreObserver& service_;
};

/// Passes what the group tells on to the observer of the run, then to the service.
class WatchedGroup : public group::GroupEvents {
 public:
  WatchedGroup(std::uint32_t node, GroupId group, ReplicaObserver& run, group::GroupEvents& service)
      : node_(node), group_(group), run_(run), service_(service) {}

  void on_role_changed(const consensus::RoleChanged& change) override {
    run_.on_role(node_, group_, change);
    service_.on_role_changed(change);
  }
  void on_dropped(Context context, consensus::Dropped::Outcome outcome) override {
    service_.on_dropped(context, outcome);
  }
  void on_read_ready(Context context) override { service_.on_read_ready(context); }
  void on_service_message(NodeId from, Buffer message) override {
    service_.on_service_message(from, std::move(message));
  }
  void on_peer_down(NodeId node) override { service_.on_peer_down(node); }
  void on_configuration_changed(const consensus::ConfigurationChanged& change) override {
    service_.on_configuration_changed(change);
  }
  void on_reconfiguration_refused(Context context, consensus::ReconfigureRefusal why) override {
    service_.on_reconfiguration_refused(context, why);
  }

 private:
  std::uint32_t node_;
  GroupId group_;
  ReplicaObserver& run_;
  group::GroupEvents& service_;
};

/// Of a life that is nobody's business.
class NobodyWatches : public ReplicaObserver {
 public:
  void on_core_start(const ReplicaName&, const consensus::PersistedState&) override {}
  void on_core_effect(const ReplicaName&, const consensus::Effect&, const consensus::Core&) override {}
  void on_core_durable(const ReplicaName&, Io) override {}
  void on_events(std::uint32_t, GroupId, std::int64_t, std::span<const kv::Event>) override {}
  void on_replaced(std::uint32_t, GroupId, std::int64_t) override {}
  void on_role(std::uint32_t, GroupId, const consensus::RoleChanged&) override {}
  void on_node_stopped(std::uint32_t, const Error&) override {}
} nobody_watches;

}  // namespace

consensus::Membership all_voters(std::uint32_t node_count) {
  consensus::Membership membership;
  for (std::uint32_t i = 1; i <= node_count; ++i) {
    membership.voters.emplace_back(i);
  }
  return membership;
}

/// One life: everything that dies with the process. Members are destroyed from the last to the first.
struct Node::Life : group::HostEvents {
  struct Group {
    std::unique_ptr<service::KvService> service;
    std::unique_ptr<WatchedStore> watched_store;
    std::unique_ptr<kv::Store> store;
    std::unique_ptr<WatchedGroup> watched_group;
    std::unique_ptr<service::RegisterService> register_service;
    std::unique_ptr<write_once::Register> keys;
  };

  Life(Node& whose, Owner owner, NodeDirectory& directory, ReplicaObserver& watched_by)
      : node(whose),
        observer(watched_by),
        incarnation(directory.incarnation),
        env(whose.queue_, owner, whose.random_.split("life"), whose.clock),
        transport(whose.network_.transport(owner)),
        records(*directory.records, env, env, env) {
    records.behaviour = whose.engine;
  }

  void on_stopped(const Error& why) override { observer.on_node_stopped(node.index_, why); }
  void on_peer_rejected(NodeId /*node*/, std::string_view /*why*/) override {}
  void on_removed(std::string_view /*why*/) override {}

  Node& node;
  ReplicaObserver& observer;
  const Incarnation incarnation;
  NodeEnv env;
  std::unique_ptr<env::Transport> transport;
  storage::MemoryRecordStore records;
  std::vector<Group> groups;
  std::unique_ptr<group::Host> host;
  std::vector<std::unique_ptr<BackupReader>> backups;
};

Node::Node(std::uint32_t index, const NodeSettings& settings, EventQueue& queue, Network& network, Random random,
           TraceSink& traces, ReplicaObserver& observer)
    : index_(index),
      settings_(settings),
      queue_(queue),
      network_(network),
      random_(random.split("node")),
      traces_(traces),
      observer_(observer),
      directory_(queue, random) {}

Node::~Node() { end_life(); }

Status Node::start() { return begin_life(directory_, observer_); }

Status Node::begin_life(NodeDirectory& directory, ReplicaObserver& observer) {
  QUORATE_ASSERT(life_ == nullptr, "a node lives once at a time", index_);
  ++lives_;
  directory.incarnation = directory.incarnation.next();
  directory.disk->set_owner(owner());
  life_ = std::make_unique<Life>(*this, owner(), directory, observer);
  group::HostConfig config;
  config.mesh.cluster = ClusterId(1);
  config.mesh.self = id();
  last_life_ = {directory.incarnation, directory.birth, life_->env.next()};
  config.mesh.life = last_life_;
  config.mesh.consensus = settings_.factory.protocol;
  config.mesh.listen_address = Network::address_of(index_);
  for (std::uint32_t peer = 1; peer <= settings_.node_count; ++peer) {
    if (peer != index_) {
      config.mesh.peers.push_back({NodeId(peer), Network::address_of(peer)});
    }
  }
  config.mesh.heartbeat_interval = settings_.core.heartbeat_interval;
  config.mesh.silence_limit = settings_.core.election_timeout;
  config.log = settings_.log;
  config.engine_write_interval = settings_.engine_write_interval;
  config.engine_flush_interval = settings_.engine_flush_interval;
  config.log_tail_entries = settings_.log_tail_entries;
  config.snapshots = settings_.snapshots;
  config.snapshot_bytes_per_second = settings_.snapshot_bytes_per_second;
  config.scrub_interval = settings_.scrub_interval;
  config.records_laid_aside = directory.records_laid_aside;
  const group::Environment environment{life_->env,        life_->env,     life_->env, *directory.disk,
                                       *life_->transport, life_->records, traces_};
  Result<std::unique_ptr<group::Host>> host = group::Host::open(std::move(config), environment, *life_);
  if (!host) {
    end_life();
    return std::unexpected(host.error());
  }
  life_->host = std::move(*host);
  life_->groups.resize(settings_.group_count);
  for (std::uint32_t i = 0; i < settings_.group_count; ++i) {
    const GroupId group(i + 1);
    if (Status added = settings_.factory.keeps_log ? add_group(group) : add_register(group); !added) {
      end_life();
      return added;
    }
  }
  return life_->host->start();
}

group::GroupConfig Node::group_config(GroupId group) {
  group::GroupConfig config{group, watched(settings_.factory, {index_, group}, life_->observer), settings_.core};
  config.core.self = id();
  config.core.initial_membership = all_voters(settings_.node_count);
  return config;
}

Status Node::add_group(GroupId group) {
  Life::Group& parts = life_->groups[group.value() - 1];
  parts.service =
      service::KvService::make(settings_.service, group, id(), life_->incarnation, life_->env, life_->env, traces_);
  parts.watched_store = std::make_unique<WatchedStore>(index_, group, life_->observer, *parts.service);
  parts.store = kv::Store::make(group, life_->records, settings_.store, *parts.watched_store);
  parts.watched_group = std::make_unique<WatchedGroup>(index_, group, life_->observer, *parts.service);
  QUORATE_TRY(life_->host->add_group(group_config(group), *parts.store, *parts.watched_group));
  parts.service->attach(life_->host->replica(group), *parts.store);
  return {};
}

Status Node::add_register(GroupId group) {
  Life::Group& parts = life_->groups[group.value() - 1];
  parts.register_service =
      std::make_unique<service::RegisterService>(service::RegisterConfig{}, life_->env, life_->env);
  parts.keys = std::make_unique<write_once::Register>(*parts.register_service);
  parts.watched_group = std::make_unique<WatchedGroup>(index_, group, life_->observer, *parts.register_service);
  QUORATE_TRY(life_->host->add_group(group_config(group), *parts.keys, *parts.watched_group));
  parts.register_service->attach(life_->host->replica(group), *parts.keys);
  return {};
}

void Node::end_life() {
  if (life_ == nullptr) {
    return;
  }
  ++lives_;  // completions of the ended life are skipped from now on
  std::unique_ptr<Life> ended = std::move(life_);
  ended->backups.clear();
  ended->host.reset();
  ended->groups.clear();
}

void Node::crash() {
  end_life();
  directory_.disk->on_process_crash();
  network_.on_process_crash(index_);
  directory_.records->crash(random_.between(0, directory_.records->unflushed()));
}

void Node::lose_power() {
  end_life();
  directory_.disk->on_power_loss();
  network_.on_power_loss(index_);
  directory_.records->crash(random_.between(0, directory_.records->unflushed()));
}

void Node::begin_impostor(NodeDirectory directory) {
  QUORATE_ASSERT(life_ == nullptr, "an impostor comes while the node is down", index_);
  impostor_ = std::make_unique<NodeDirectory>(std::move(directory));
  if (!begin_life(*impostor_, nobody_watches)) {
    impostor_.reset();
  }
}

void Node::end_impostor() {
  if (impostor_ != nullptr) {
    end_life();
    network_.on_process_crash(index_);
    impostor_.reset();
  }
}

Result<backup::Figures> Node::restore(std::string_view file) {
  QUORATE_ASSERT(lives_ == 0, "a node is restored before its first life", index_);
  ++lives_;
  directory_.disk->set_owner(owner());
  Result<backup::Figures> figures =
      restore_node(file, settings_.factory, all_voters(settings_.node_count),
                   {queue_, owner(), random_.split("restore"), settings_.log, *directory_.disk, *directory_.records});
  ++lives_;
  directory_.disk->on_process_crash();
  return figures;
}

void Node::take_backup(GroupId group, BackupReader::Taker taker) {
  QUORATE_ASSERT(is_alive(), "only a live node is asked for a backup", index_);
  life_->backups.push_back(
      std::make_unique<BackupReader>(index_, group, host().replica(group), store(group), std::move(taker)));
}

void Node::lay_records_aside() {
  QUORATE_ASSERT(!is_alive(), "a damaged record store is found at start", index_);
  directory_.records = std::make_unique<storage::MemoryRecords>();
  directory_.records_laid_aside = true;
}

service::KvService& Node::service(GroupId group) {
  QUORATE_ASSERT(is_alive(), "only a live node serves", index_);
  return *life_->groups[group.value() - 1].service;
}

kv::Store& Node::store(GroupId group) {
  QUORATE_ASSERT(is_alive(), "only a live node has a store in memory", index_);
  return *life_->groups[group.value() - 1].store;
}

service::RegisterService& Node::register_service(GroupId group) {
  QUORATE_ASSERT(is_alive(), "only a live node serves", index_);
  return *life_->groups[group.value() - 1].register_service;
}

const write_once::Register& Node::keys(GroupId group) {
  QUORATE_ASSERT(is_alive(), "only a live node has a register in memory", index_);
  return *life_->groups[group.value() - 1].keys;
}

group::Host& Node::host() {
  QUORATE_ASSERT(is_alive(), "only a live node has a host", index_);
  return *life_->host;
}

env::Loop& Node::loop() { return life_->env; }
Instant Node::now() const { return life_->env.now(); }

}  // namespace quorate::sim
