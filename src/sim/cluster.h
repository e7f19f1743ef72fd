#pragma once
// The simulated world: nodes, the network between them, and virtual time.
//
// step() carries out one event; between events nothing happens. Everything follows from the seed. Events of a paused
// node wait until its pause ends (F-P3); events of an ended life are skipped.
// Owned by a run.

#include <cstdint>
#include <memory>
#include <vector>

#include "base/hash.h"
#include "sim/event_queue.h"
#include "sim/network.h"
#include "sim/node.h"
#include "sim/random.h"

namespace quorate::sim {

class Cluster {
 public:
  Cluster(const NodeSettings& settings, Random random, TraceSink& traces, ReplicaObserver& observer);

  /// Carries out the next event due at or before `until`; false (and time is `until`) if there is none.
  bool step(Instant until);

  /// When the next event is due; now if there is none.
  [[nodiscard]] Instant next_at() const { return queue_.empty() ? queue_.now() : queue_.next_at(); }

  /// Before anything else: every node begins with what the backup holds. Tells what that is.
  [[nodiscard]] Result<backup::Figures> restore_all(std::string_view file);
  /// Starts every node that is down; the first error stops it.
  [[nodiscard]] Status start_all();
  /// The node executes nothing until `until`: its events wait.
  void pause(std::uint32_t node, Instant until);
  void unpause_all();
  /// When the node has done, or will have done, what its pauses so far made it put off.
  [[nodiscard]] Instant wakes_at(std::uint32_t node) const { return wakes_at_[node]; }

  [[nodiscard]] Node& node(std::uint32_t index) { return *nodes_[index - 1]; }
  [[nodiscard]] std::uint32_t node_count() const { return static_cast<std::uint32_t>(nodes_.size()); }
  [[nodiscard]] std::uint32_t group_count() const { return group_count_; }
  [[nodiscard]] const quorum::PhaseSizes& quorum_sizes() const { return quorum_sizes_; }
  [[nodiscard]] std::uint32_t alive_count() const;
  /// A live node that takes itself for the leader of `group`, the first if there are several; 0: none does.
  [[nodiscard]] std::uint32_t leader_of(GroupId group);
  [[nodiscard]] EventQueue& queue() { return queue_; }
  [[nodiscard]] Network& network() { return network_; }
  [[nodiscard]] Instant now() const { return queue_.now(); }
  /// Over every event so far: equal for equal seeds.
  [[nodiscard]] std::uint64_t trace_hash() const { return hasher_.value(); }

 private:
  const std::uint32_t group_count_;
  const quorum::PhaseSizes quorum_sizes_;
  EventQueue queue_;
  Network network_;
  std::vector<std::unique_ptr<Node>> nodes_;
  std::vector<Instant> paused_until_;
  std::vector<Instant> wakes_at_;
  Hasher hasher_;
};

}  // namespace quorate::sim
