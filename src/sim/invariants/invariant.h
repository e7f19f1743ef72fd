#pragma once
// What must hold at every step of a run, seen from outside with access to every node. One file an invariant, named
// after the property, citing its source and saying what protocols it is of; all.cc has them together. An answer is
// empty, or one sentence that says what was broken by whom.

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "consensus/contract/core.h"
#include "sim/watched_core.h"
#include "state/kv/store.h"

namespace quorate::sim {

class Invariant {
 public:
  virtual ~Invariant() = default;
  [[nodiscard]] virtual std::string_view id() const = 0;

  /// A replica executed a revision.
  [[nodiscard]] virtual std::string on_events(std::uint32_t /*node*/, GroupId /*group*/, std::int64_t /*revision*/,
                                              std::span<const kv::Event> /*events*/) {
    return {};
  }
  /// A snapshot took the place of a replica's state: it is at `revision` now.
  [[nodiscard]] virtual std::string on_replaced(std::uint32_t /*node*/, GroupId /*group*/, std::int64_t /*revision*/) {
    return {};
  }
  [[nodiscard]] virtual std::string on_role(std::uint32_t /*node*/, GroupId /*group*/,
                                            const consensus::RoleChanged& /*change*/) {
    return {};
  }
  /// A look at a live replica, at regular instants and after every change of role.
  [[nodiscard]] virtual std::string on_status(std::uint32_t /*node*/, GroupId /*group*/,
                                              const consensus::CoreStatus& /*status*/, Position /*executed*/) {
    return {};
  }
  /// What a leader believes of the others, at the same instants, after all were looked at.
  [[nodiscard]] virtual std::string on_progress(const ReplicaName& /*leader*/,
                                                std::span<const consensus::MemberProgress> /*members*/) {
    return {};
  }
  virtual void on_receive(const ReplicaName& /*replica*/, NodeId /*from*/) {}
  /// The core asks for something. The ledger holds what stood before this effect.
  [[nodiscard]] virtual std::string on_effect(const ReplicaName& /*replica*/, const consensus::Effect& /*effect*/,
                                              const consensus::Core& /*core*/) {
    return {};
  }
  /// Every write of the replica up to `io` is durable.
  virtual void on_durable(const ReplicaName& /*replica*/, Io /*io*/) {}
  virtual void on_life_ended(std::uint32_t /*node*/) {}
};

}  // namespace quorate::sim
