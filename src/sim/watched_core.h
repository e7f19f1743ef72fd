#pragma once
// A core between its runtime and an observer: everything the core is told and asks for passes through unchanged, and
// the observer sees it. For invariants over what replicas write, reveal and decide, before the world has carried it
// out.
//
// Owned by the replica's runtime, like the core itself.

#include <cstdint>
#include <memory>

#include "consensus/contract/core.h"

namespace quorate::sim {

/// One replica of a group.
struct ReplicaName {
  std::uint32_t node = 0;
  GroupId group;
  [[nodiscard]] NodeId id() const { return NodeId(node); }
  friend auto operator<=>(const ReplicaName&, const ReplicaName&) = default;
};

class CoreObserver {
 public:
  virtual ~CoreObserver() = default;
  /// A life of the replica begins with what was recovered.
  virtual void on_core_start(const ReplicaName& replica, const consensus::PersistedState& state) = 0;
  /// A message is about to be handled.
  virtual void on_core_receive(const ReplicaName& /*replica*/, const consensus::Receive& /*receive*/) {}
  /// In order, as emitted. `core` is as it is after the step.
  virtual void on_core_effect(const ReplicaName& replica, const consensus::Effect& effect,
                              const consensus::Core& core) = 0;
  /// Every write of the replica up to `io` is durable; the core hears of it next.
  virtual void on_core_durable(const ReplicaName& replica, Io io) = 0;
};

/// The same protocol, watched. The observer outlives the cores.
[[nodiscard]] consensus::CoreFactory watched(const consensus::CoreFactory& factory, const ReplicaName& replica,
                                             CoreObserver& observer);

}  // namespace quorate::sim
