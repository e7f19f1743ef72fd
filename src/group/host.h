#pragma once
// The host of a node's groups: one log, one mesh, one record store, many replicas.
//
// Invariants: 1. no replica knows the host's other replicas. 2. the log is discarded per group only up to what the
//                engine has durable (DESIGN section 5); of that a tail is kept for members that lack it. 3. a log or
//                engine that fails stops every replica: nothing is acknowledged any more, `on_stopped` says why.
// Recovery order: log, lives met, engine, per group state machine, core; replay; only then links.
// Owned by `server` or `sim`, on the node's loop.

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/ids.h"
#include "base/result.h"
#include "base/trace.h"
#include "consensus/contract/core.h"
#include "env/clock.h"
#include "env/entropy.h"
#include "env/files.h"
#include "env/loop.h"
#include "env/record_store.h"
#include "env/transport.h"
#include "group/put_stages.h"
#include "group/replica.h"
#include "group/snapshot_limits.h"
#include "peer/mesh.h"
#include "state/state_machine.h"
#include "storage/log.h"

namespace quorate::group {

/// Everything of the outside world that a node needs. All references outlive the host.
struct Environment {
  env::Clock& clock;
  env::Loop& loop;
  env::Entropy& entropy;
  env::FileSystem& files;
  env::Transport& transport;
  env::RecordStore& records;
  TraceSink& traces;
};

/// One group that this node takes part in.
struct GroupConfig {
  GroupId group;
  consensus::CoreFactory factory;
  consensus::CoreConfig core;
};

struct HostConfig {
  peer::MeshConfig mesh;  ///< `peers` is completed from the contacts
  /// Where members are found, as far as it is known before the log is read.
  std::vector<consensus::Contact> contacts;
  storage::LogOptions log;
  std::string log_directory = "log";
  std::string met_lives_file = "met_lives";
  Duration engine_write_interval = std::chrono::milliseconds(5);  ///< records reach the engine at least so often
  Duration engine_flush_interval =
      std::chrono::milliseconds(5000);            ///< and become durable at least so often while busy
  std::size_t max_uncommitted_bytes = 64U << 20;  ///< of proposals per group: more is `busy`
  std::size_t max_unsynced_bytes = 64U << 20;     ///< waiting for the log's disk: more is `busy`
  /// Kept of each group's log behind what the engine has, for members that are a little behind; who is further behind
  /// gets a snapshot. The bytes are the node's, shared evenly by its groups.
  std::uint64_t log_tail_entries = 50'000;
  std::uint64_t log_tail_bytes = 64U << 20;
  /// The records were damaged and laid aside: a replica whose log begins behind them begins anew, and others bring its
  /// state. Else such a log is refused.
  bool records_laid_aside = false;
  Duration scrub_interval{};  ///< so often log and records are read again to find damage; 0: never
  SnapshotLimits snapshots;
  std::uint64_t snapshot_bytes_per_second = 0;  ///< of all that the node sends; 0: as fast as it goes
};

/// How the transfer of a snapshot goes, for people: told when it begins, when it ends, and now and then between.
struct SnapshotNews {
  enum class What : std::uint8_t { sending, sent, not_sent, receiving, received, not_received };
  What what = What::sending;
  NodeId peer;
  Position position;
  std::uint64_t records = 0;
  std::uint64_t bytes = 0;
  Duration took{};
  std::string_view why;  ///< not_received: what was wrong
};

/// What a front end's service is told about its group. Called on the loop.
class GroupEvents {
 public:
  virtual ~GroupEvents() = default;
  virtual void on_role_changed(const consensus::RoleChanged& change) = 0;
  /// See consensus::Dropped; for proposals and reads.
  virtual void on_dropped(Context context, consensus::Dropped::Outcome outcome) = 0;
  /// The read may be served now: everything up to the read's position was executed here.
  virtual void on_read_ready(Context context) = 0;
  /// A message of this group's service from the same group's service on another node.
  virtual void on_service_message(NodeId from, Buffer message) = 0;
  virtual void on_peer_down(NodeId node) = 0;
  /// See consensus::ConfigurationChanged: told when it is used, and again when it is committed.
  virtual void on_configuration_changed(const consensus::ConfigurationChanged& /*change*/) {}
  /// The change that was asked for under this name was not placed.
  virtual void on_reconfiguration_refused(Context /*context*/, consensus::ReconfigureRefusal /*why*/) {}
  virtual void on_snapshot_news(const SnapshotNews& /*news*/) {}
  /// What damage had taken (consensus::Loss) is there again.
  virtual void on_loss_made_good() {}
};

/// Told when the node must stop: what failed, what it means and what to do. The host still runs the call: destroy it
/// later.
class HostEvents {
 public:
  virtual ~HostEvents() = default;
  virtual void on_stopped(const Error& why) = 0;
  virtual void on_peer_rejected(NodeId node, std::string_view why) = 0;
  /// This node is no member of the cluster any more. It may go on until it is stopped, but nobody listens to it.
  virtual void on_removed(std::string_view why) = 0;
};

class Host {
 public:
  /// Blocking: recovers the log, then each group as it is added; links start with start().
  [[nodiscard]] static Result<std::unique_ptr<Host>> open(HostConfig config, Environment environment,
                                                          HostEvents& events);
  virtual ~Host() = default;

  /// Adds a group with its state machine (already constructed over environment.records) and service. Blocking
  /// recovery of the group. Both outlive the host.
  [[nodiscard]] virtual Status add_group(GroupConfig config, state::StateMachine& machine, GroupEvents& events) = 0;
  /// Where members are found, as the state machine kept it; no URLs: was removed. Before start(), and when a snapshot
  /// has brought a newer state. What the log says is newer still.
  virtual void learn_contacts(std::span<const consensus::Contact> contacts) = 0;
  /// Where the members and other nodes that were met are found, rising nodes.
  [[nodiscard]] virtual std::vector<consensus::Contact> contacts() const = 0;
  /// Joins the cluster: listens, connects, runs the cores.
  [[nodiscard]] virtual Status start() = 0;

  [[nodiscard]] virtual Replica& replica(GroupId group) = 0;
  [[nodiscard]] virtual const PutStages& put_stages(GroupId group) const = 0;
  [[nodiscard]] virtual std::vector<peer::LinkStatus> links() const = 0;
  [[nodiscard]] virtual const storage::LogStats& log_stats() const = 0;
  [[nodiscard]] virtual const storage::Recovery& recovery() const = 0;
  /// Why add_group() has failed, or this host stopped: the records are damaged.
  [[nodiscard]] virtual bool found_damaged_records() const = 0;
  /// How many groups' replicas here have lost something that others must send; settled ones are noted in the log.
  [[nodiscard]] virtual std::size_t groups_in_repair() const = 0;
};

}  // namespace quorate::group
