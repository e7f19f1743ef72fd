#pragma once
// What the replicas of a node share, and what they tell their host.
//
// Invariants: 1. a replica reaches other replicas through nothing that stands here. 2. `mesh` is null until the host
//                has started; whoever sends checks it.
// Owned by the host, which outlives its replicas; on the node's loop.

#include "base/result.h"
#include "base/trace.h"
#include "consensus/contract/effect.h"
#include "env/clock.h"
#include "env/entropy.h"
#include "env/loop.h"
#include "env/record_store.h"
#include "group/pace.h"
#include "group/snapshot_limits.h"
#include "peer/mesh.h"
#include "storage/log.h"

namespace quorate::group {

class ReplicaRuntime;

/// The host as its replicas see it.
class ReplicaOwner {
 public:
  virtual ~ReplicaOwner() = default;
  /// The replica has executed entries whose records the engine does not have yet.
  virtual void on_executed(ReplicaRuntime& replica) = 0;
  /// Before the replica's own events.
  virtual void on_configuration_changed(GroupId group, const consensus::ConfigurationChanged& change) = 0;
  [[nodiscard]] virtual std::vector<consensus::Contact> contacts() const = 0;
  /// The node cannot go on: every replica must stop.
  virtual void on_fatal(const Error& why) = 0;
  /// True while log or engine cannot keep up: no new proposals are taken.
  [[nodiscard]] virtual bool pushes_back() const = 0;
};

struct NodeParts {
  env::Clock& clock;
  env::Loop& loop;
  env::Entropy& entropy;
  TraceSink& traces;
  storage::Log& log;
  env::RecordStore& records;
  Pace& pace;  ///< of the snapshots that are sent
  ReplicaOwner& owner;
  peer::Mesh* mesh = nullptr;
};

/// What bounds one replica's work and memory.
struct ReplicaLimits {
  std::size_t max_uncommitted_bytes = 64U << 20;  ///< of proposals that were not executed yet: more is pushed back
  std::size_t max_attached_bytes = 1U << 20;      ///< of payloads in one message, but at least one entry
  std::size_t max_parked_sends = 256;             ///< per destination, while entries come back from the disk
  std::size_t slice_entries = 1024;               ///< executed in one turn, so that heartbeats never starve
  std::size_t slice_bytes = 4U << 20;             ///< the same, of payloads
  std::uint64_t tail_entries = 50'000;            ///< of the log kept for members that lack them
  std::uint64_t tail_bytes = 64U << 20;           ///< the same, of payloads
  SnapshotLimits snapshots;
};

}  // namespace quorate::group
