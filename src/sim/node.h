#pragma once
// One simulated node: the very objects of the server (host, log, links, replicas, stores, services) over a simulated
// world, and the directory that survives its lives.
//
// An impostor is a life that somebody begins under the node's id with another directory: an empty one (F-D11) or an old
// copy (F-D12). Nobody observes it, and to the run the node is down meanwhile.
//
// Invariants: 1. at most one life at a time, the impostor's included; a new life has a greater incarnation. 2. a life
//                that stopped itself (log or engine failed) stays dead until restarted.
// Owned by the cluster.

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "backup/importer.h"
#include "group/host.h"
#include "service/kv_service.h"
#include "service/register_service.h"
#include "sim/backup_reader.h"
#include "sim/disk.h"
#include "sim/event_queue.h"
#include "sim/network.h"
#include "sim/node_directory.h"
#include "sim/node_env.h"
#include "sim/watched_core.h"
#include "state/kv/store.h"
#include "state/register/register.h"
#include "storage/memory_record_store.h"
#include "storage/memory_records.h"

namespace quorate::sim {

/// What all nodes of a run have in common.
struct NodeSettings {
  std::uint32_t node_count = 3;
  std::uint32_t group_count = 3;
  consensus::CoreFactory factory;
  consensus::CoreConfig core;  ///< timing and windows; self and membership are filled in
  service::ServiceConfig service;
  kv::StoreLimits store;
  storage::LogOptions log;
  Duration engine_write_interval = std::chrono::milliseconds(5);
  Duration engine_flush_interval = std::chrono::milliseconds(200);
  std::uint64_t log_tail_entries = 50'000;
  group::SnapshotLimits snapshots;
  std::uint64_t snapshot_bytes_per_second = 0;
  Duration scrub_interval{};  ///< 0: never
};

/// Sees what every replica does and every command's effects on it, before the service does: for invariants across
/// nodes.
class ReplicaObserver : public CoreObserver {
 public:
  virtual void on_events(std::uint32_t node, GroupId group, std::int64_t revision,
                         std::span<const kv::Event> events) = 0;
  /// A snapshot took the place of a replica's state.
  virtual void on_replaced(std::uint32_t node, GroupId group, std::int64_t revision) = 0;
  virtual void on_role(std::uint32_t node, GroupId group, const consensus::RoleChanged& change) = 0;
  virtual void on_node_stopped(std::uint32_t node, const Error& why) = 0;
};

/// What every run begins with: nodes 1 to `node_count` vote.
[[nodiscard]] consensus::Membership all_voters(std::uint32_t node_count);

class Node {
 public:
  Node(std::uint32_t index, const NodeSettings& settings, EventQueue& queue, Network& network, Random random,
       TraceSink& traces, ReplicaObserver& observer);
  ~Node();
  Node(const Node&) = delete;
  Node& operator=(const Node&) = delete;

  /// Begins a life. An error is what an operator would see.
  [[nodiscard]] Status start();
  /// kill -9: the page cache survives.
  void crash();
  /// The machine loses power: only synced bytes survive for certain.
  void lose_power();

  /// Before the first life: the node begins with what a backup holds, with all voters.
  [[nodiscard]] Result<backup::Figures> restore(std::string_view file);
  /// Takes a backup of a group from this life; nobody is told if it ends before.
  void take_backup(GroupId group, BackupReader::Taker taker);
  /// Of a node that is down: its records do not read. As `server` does, they are laid aside, and lives begin with that
  /// in mind until an operator removes them.
  void lay_records_aside();
  void remove_what_was_laid_aside() { directory_.records_laid_aside = false; }

  /// Of a node that is down: what is in its directory now, or in a new one.
  [[nodiscard]] NodeDirectory copy_directory() { return directory_.copy(queue_, random_.split("copy")); }
  [[nodiscard]] NodeDirectory new_directory() { return {queue_, random_.split("new directory")}; }
  /// Of a node that is down, until end_impostor(). A directory that does not read is like none.
  void begin_impostor(NodeDirectory directory);
  void end_impostor();

  /// The life that began last, as its links tell it.
  [[nodiscard]] const peer::Life& last_life() const { return last_life_; }
  [[nodiscard]] bool has_impostor() const { return impostor_ != nullptr; }

  [[nodiscard]] bool is_alive() const { return life_ != nullptr && impostor_ == nullptr; }
  /// True for the life that began so, or the impostor: what it has scheduled happens.
  [[nodiscard]] bool leads_life(std::uint32_t life) const { return life_ != nullptr && lives_ == life; }
  [[nodiscard]] std::uint32_t index() const { return index_; }
  /// False: its groups have registers instead of stores.
  [[nodiscard]] bool has_stores() const { return settings_.factory.keeps_log; }
  [[nodiscard]] NodeId id() const { return NodeId(index_); }
  [[nodiscard]] Owner owner() const { return {index_, lives_}; }
  [[nodiscard]] service::KvService& service(GroupId group);
  [[nodiscard]] kv::Store& store(GroupId group);
  /// Of protocols without a log, instead of the two above.
  [[nodiscard]] service::RegisterService& register_service(GroupId group);
  [[nodiscard]] const write_once::Register& keys(GroupId group);
  [[nodiscard]] group::Host& host();
  [[nodiscard]] Disk& disk() { return *directory_.disk; }
  [[nodiscard]] env::Loop& loop();
  [[nodiscard]] Instant now() const;

  ClockBehaviour clock;
  storage::MemoryStoreBehaviour engine;  ///< of the lives that begin from now on

 private:
  struct Life;
  [[nodiscard]] Status begin_life(NodeDirectory& directory, ReplicaObserver& observer);
  void end_life();
  /// The state machine and the service of one group, over the host.
  [[nodiscard]] Status add_group(GroupId group);
  [[nodiscard]] Status add_register(GroupId group);
  [[nodiscard]] group::GroupConfig group_config(GroupId group);

  std::uint32_t index_;
  const NodeSettings& settings_;
  EventQueue& queue_;
  Network& network_;
  Random random_;
  TraceSink& traces_;
  ReplicaObserver& observer_;
  NodeDirectory directory_;
  std::unique_ptr<NodeDirectory> impostor_;  ///< null: the life, if there is one, is the node's own
  std::uint32_t lives_ = 0;                  ///< of anybody; ends count, too
  peer::Life last_life_;
  std::unique_ptr<Life> life_;
};

}  // namespace quorate::sim
