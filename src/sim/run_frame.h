#pragma once
// What runs of all kinds of state machine have in common: a cluster and its faults, invariants that look at every step,
// the teller, virtual time that must pass, and the result.
//
// The first violation counts, and ends the run. Owned by sim::run().

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sim/history.h"
#include "sim/invariants/invariant.h"
#include "sim/ledger.h"
#include "sim/membership_ledger.h"
#include "sim/run.h"

namespace quorate::sim {

class RunFrame : public ReplicaObserver, public TraceSink, public Faults::Listener {
 public:
  explicit RunFrame(const RunSettings& settings);

  // ---- what the cluster tells
  void on_events(std::uint32_t node, GroupId group, std::int64_t revision, std::span<const kv::Event> events) override;
  void on_replaced(std::uint32_t node, GroupId group, std::int64_t revision) override;
  void on_role(std::uint32_t node, GroupId group, const consensus::RoleChanged& change) override;
  void on_core_start(const ReplicaName& replica, const consensus::PersistedState& state) override;
  void on_core_receive(const ReplicaName& replica, const consensus::Receive& receive) override;
  void on_core_effect(const ReplicaName& replica, const consensus::Effect& effect,
                      const consensus::Core& core) override;
  void on_core_durable(const ReplicaName& replica, Io io) override;
  void on_node_stopped(std::uint32_t node, const Error& why) override;
  void trace(const TraceEvent& event) override { ++result_.branches[event.name]; }

  // ---- what the faults tell
  void on_life_ended(std::uint32_t node) override;
  void on_start_failed(std::uint32_t node, const Error& why) override;
  void on_fault(Fault fault, std::uint32_t node) override;
  void on_fault_event(const FaultEvent& event) override;
  void on_backup(Result<Backup> backup) override;
  [[nodiscard]] std::uint32_t current_leader() const override;

 protected:
  /// What was asked of that node is unknown.
  virtual void tell_clients_of_end(std::uint32_t node) = 0;
  /// Behind every event.
  virtual void after_step() {}

  void tell(const std::string& what);
  /// `checker`: the ID that begins the text, if it is not named.
  void fail_run(std::string violation, std::string_view checker = {});
  void check(const Invariant& invariant, const std::string& wrong);
  void start_nodes();
  /// Every replica is looked at from now on, at regular instants.
  void schedule_look();
  /// Everything is repaired: the liveness phase begins.
  void heal();
  /// One event. Time must pass: a node that only ever wakes itself would hang, and its loop with it.
  bool step(Instant until);
  /// True when nothing went wrong until then.
  bool run_until(Instant until);
  /// Runs until `done` or `until`; true if done.
  bool run_until(Instant until, const std::function<bool()>& done);
  void sum_up();

  RunSettings settings_;
  Random random_;
  RunResult result_;
  std::map<GroupId, History> histories_;
  std::map<GroupId, std::uint32_t> leaders_;
  std::optional<Teller> teller_;
  std::optional<Backup> backup_;  ///< the last one that was taken
  bool healed_ = false;
  std::uint64_t events_at_once_ = 0;  ///< since virtual time last moved
  Ledger ledger_;
  MembershipLedger memberships_;
  std::vector<std::unique_ptr<Invariant>> invariants_;
  Cluster cluster_;
  Faults faults_;

 private:
  void look(std::uint64_t);
  template <class Visit>
  void for_each_replica(const Visit& visit);
};

}  // namespace quorate::sim
