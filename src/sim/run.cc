#include "sim/run.h"

#include <algorithm>
#include <memory>
#include <optional>
#include <set>

#include "sim/cell_run.h"
#include "sim/check_history.h"
#include "sim/check_leases.h"
#include "sim/restored_node.h"
#include "sim/run_frame.h"
#include "sim/watcher.h"

namespace quorate::sim {
namespace {

constexpr Duration kWatchersCatchUp = std::chrono::milliseconds(300);
constexpr Duration kLeaseLookInterval = std::chrono::milliseconds(50);
constexpr Duration kReviveInterval = std::chrono::milliseconds(40);
constexpr Duration kRestoredPhase = std::chrono::milliseconds(60);
constexpr std::uint32_t kRestoredClients = 2;

/// Of an ordered log with a key-value store.
class Run final : public RunFrame {
 public:
  explicit Run(const RunSettings& settings) : RunFrame(settings) {
    for (std::uint32_t i = 1; i <= settings_.workload.clients; ++i) {
      clients_.push_back(std::make_unique<Client>(settings_.workload.first_client + i, settings_.workload, cluster_,
                                                  random_.split("client"), histories_, settings_.nodes.group_count));
    }
    for (std::uint32_t i = 1; i <= settings_.watchers; ++i) {
      watchers_.push_back(std::make_unique<Watcher>(i, cluster_, random_.split("watcher"), histories_,
                                                    settings_.nodes.group_count, settings_.workload.keys));
    }
  }

  RunResult carry_out() {
    if (settings_.beginning != nullptr) {
      begin_restored(*settings_.beginning);
    }
    const Instant end_of_safety = cluster_.now() + settings_.safety_phase;
    start_nodes();
    for (const auto& client : clients_) {
      client->start();
    }
    for (const auto& watcher : watchers_) {
      watcher->start();
    }
    tell("the safety phase begins");
    schedule_looks();
    faults_.start(end_of_safety);
    run_until(end_of_safety);
    liveness_phase();
    finish();
    if (backup_ && result_.violation.empty()) {
      go_on_restored();
    }
    return std::move(result_);
  }

  // ---- what the cluster tells -------------------------------------------------------------------------------
  void on_events(std::uint32_t node, GroupId group, std::int64_t revision, std::span<const kv::Event> events) override {
    if (histories_[group].executed_at.try_emplace(revision, cluster_.now()).second) {
      note_leases(group, events);
    }
    RunFrame::on_events(node, group, revision, events);
  }

 private:
  void tell_clients_of_end(std::uint32_t node) override {
    for (const auto& client : clients_) {
      client->on_life_ended(node);
    }
    for (const auto& watcher : watchers_) {
      watcher->on_life_ended(node);
    }
  }
  void after_step() override {
    if (!teller_) {
      return;
    }
    for (const auto& [group, history] : histories_) {
      for (std::size_t& told = told_operations_[group]; told < history.operations.size(); ++told) {
        teller_->on_operation(group, history.operations[told]);
      }
    }
  }

  void schedule_looks() {
    schedule_look();
    cluster_.queue().schedule(cluster_.now() + kReviveInterval, Owner{}, Callback<>::to<&Run::revive_watchers>(this));
  }

  /// The history goes on behind the backup.
  void begin_restored(const Beginning& beginning) {
    tell("a new cluster, restored from the backup");
    const Result<backup::Figures> held = cluster_.restore_all(beginning.backup.file);
    if (!held) {
      fail_run("the backup cannot be restored: " + held.error().text, "a backup");
      return;
    }
    if (held->revision < beginning.backup.least_revision) {
      fail_run("the backup ends at revision " + std::to_string(held->revision) + ", and revision " +
                   std::to_string(beginning.backup.least_revision) + " was executed when it was asked for",
               "a backup");
    }
    cluster_.queue().advance_to(beginning.at);
    histories_[kRestoredGroup] = history_until(beginning.history, held->revision);
    for (const auto& [revision, changes] : histories_[kRestoredGroup].trail) {
      for (const Change& change : changes) {
        note_lease(kRestoredGroup, change);
      }
    }
  }

  /// The cluster is lost: does one that is restored from its backup go on as it should?
  void go_on_restored() {
    RunSettings restored = settings_;
    restored.nodes.group_count = 1;
    restored.safety_phase = kRestoredPhase;
    restored.workload.first_client += settings_.workload.clients;
    restored.workload.clients = kRestoredClients;
    restored.faults = FaultSchedule();
    restored.beginning = std::make_shared<Beginning>(
        Beginning{.backup = *backup_, .history = histories_[backup_->group], .at = cluster_.now()});
    const RunResult result = Run(restored).carry_out();
    result_.was_restored = true;
    result_.events += result.events;
    if (!result.violation.empty()) {
      result_.violation = "restored from a backup of group " + std::to_string(backup_->group.value()) + " from n" +
                          std::to_string(backup_->node) + ": " + result.violation;
      result_.checker = result.checker;
    }
  }

  void note_lease(GroupId group, const Change& change) {
    if (change.is_erase || change.lease == 0) {
      leased_.erase({group, change.key});
    } else {
      leased_.insert({group, change.key});
    }
  }

  /// Keeps the keys that hang on a lease.
  void note_leases(GroupId group, std::span<const kv::Event> events) {
    for (const kv::Event& event : events) {
      note_lease(group, change_of(event));
    }
  }

  void revive_watchers(std::uint64_t) {
    for (const auto& watcher : watchers_) {
      watcher->revive();
    }
    cluster_.queue().schedule(cluster_.now() + kReviveInterval, Owner{}, Callback<>::to<&Run::revive_watchers>(this));
  }

  void liveness_phase() {
    if (!result_.violation.empty()) {
      return;
    }
    heal();
    for (const auto& client : clients_) {
      client->stop_starting();
    }
    const Instant bound = cluster_.now() + settings_.liveness_bound;
    const auto all_idle = [this] {
      return std::all_of(clients_.begin(), clients_.end(), [](const auto& client) { return client->is_idle(); });
    };
    if (!run_until(bound, all_idle)) {
      fail_run("V-11: an operation has no outcome long after its deadline");
      return;
    }
    final_puts(bound);
    if (result_.violation.empty() && !run_until(bound, [this] { return all_equal(); })) {
      fail_run("V-11: replicas are not equal " +
               std::to_string(settings_.liveness_bound / std::chrono::milliseconds(1)) + " ms after healing");
      return;
    }
    if (wait_for_leases() && !run_until(cluster_.now() + settings_.liveness_bound, [this] { return all_equal(); })) {
      fail_run("V-11: replicas are not equal after the last lease ended");
    }
    for (const auto& watcher : watchers_) {
      watcher->read_on();
    }
    run_until(cluster_.now() + kWatchersCatchUp);
  }

  /// Nobody keeps a lease alive any more: the keys of all leases go. False if something went wrong.
  bool wait_for_leases() {
    const Instant bound =
        cluster_.now() + std::chrono::seconds(settings_.workload.lease_ttl_seconds) + settings_.liveness_bound;
    while (run_until(cluster_.now() + kLeaseLookInterval)) {
      if (leased_.empty()) {
        return true;
      }
      if (cluster_.now() > bound) {
        const auto& [group, key] = *leased_.begin();
        fail_run("I-61: " + key + " of group " + std::to_string(group.value()) +
                 " hangs on a lease that should have ended long ago");
      }
    }
    return false;
  }

  /// Every node takes a write for every group within the bound.
  void final_puts(Instant bound) {
    for (std::uint32_t i = 0; i < settings_.nodes.group_count * cluster_.node_count(); ++i) {
      Client& client = *clients_[i % clients_.size()];
      const std::uint32_t node = i % cluster_.node_count() + 1;
      const GroupId group(i / cluster_.node_count() + 1);
      do {
        client.start_final_put(node, group);
        if (!run_until(bound, [&] { return client.is_idle(); })) {
          fail_run("V-11: no write through n" + std::to_string(node) + " within the bound after healing");
          return;
        }
      } while (!client.final_put_succeeded());
    }
  }

  /// I-04: all replicas of every group executed the same and are equal.
  bool all_equal() {
    for (std::uint32_t i = 1; i <= settings_.nodes.group_count; ++i) {
      const GroupId group(i);
      const Position executed = cluster_.node(1).host().replica(group).executed();
      for (std::uint32_t node = 2; node <= cluster_.node_count(); ++node) {
        if (cluster_.node(node).host().replica(group).executed() != executed) {
          return false;
        }
      }
      if (!states_equal(group)) {
        return false;
      }
    }
    return true;
  }

  bool states_equal(GroupId group) {
    const auto hash_of = [&](std::uint32_t node) {
      Hasher hasher;
      cluster_.node(node).store(group).hash_into(hasher);
      return hasher.value();
    };
    const std::uint64_t first = hash_of(1);
    for (std::uint32_t node = 2; node <= cluster_.node_count(); ++node) {
      if (hash_of(node) != first) {
        fail_run("I-04: n1 and n" + std::to_string(node) + " executed the same log and differ in group " +
                 std::to_string(group.value()));
      }
    }
    return true;
  }

  void finish() {
    for (const auto& watcher : watchers_) {
      watcher->finish();
    }
    for (auto& [group, history] : histories_) {
      history.ended = cluster_.now();
      if (result_.violation.empty()) {
        std::string wrong = check_history(history);
        wrong = wrong.empty() ? check_leases(history, settings_.workload.lease_ttl_seconds) : wrong;
        if (!wrong.empty()) {
          fail_run("group " + std::to_string(group.value()) + ": " + wrong, "a history");
        }
      }
      for (const Operation& op : history.operations) {
        result_.unknown += op.outcome == OperationOutcome::unknown ? 1 : 0;
      }
      for (const WatchRecord& watch : history.watches) {
        result_.watch_events += watch.told.size();
      }
    }
    for (const auto& client : clients_) {
      result_.acknowledged += client->acknowledged();
    }
    sum_up();
  }

  std::set<std::pair<GroupId, std::string>> leased_;  ///< keys that hang on a lease
  std::map<GroupId, std::size_t> told_operations_;
  std::vector<std::unique_ptr<Client>> clients_;
  std::vector<std::unique_ptr<Watcher>> watchers_;
};

}  // namespace

RunSettings default_settings(std::uint64_t seed, consensus::CoreFactory factory) {
  RunSettings settings;
  settings.seed = seed;
  Random random(seed ^ 0x5EED);
  settings.nodes.factory = factory;
  settings.nodes.node_count = random.chance(1, 10) ? 5 : 3;
  settings.nodes.core.heartbeat_interval = std::chrono::milliseconds(static_cast<std::int64_t>(random.between(15, 30)));
  settings.nodes.core.election_timeout = 5 * settings.nodes.core.heartbeat_interval;
  settings.nodes.core.window_messages = random.between(1, 16);
  settings.nodes.core.max_entries_per_message = random.between(1, 64);
  settings.nodes.core.commit_notice_delay = std::chrono::milliseconds(static_cast<std::int64_t>(random.between(0, 3)));
  settings.nodes.service.request_timeout = settings.workload.request_timeout;
  settings.nodes.service.election_timeout = settings.nodes.core.election_timeout;
  settings.nodes.service.lease_check_interval = std::chrono::milliseconds(100);
  settings.nodes.service.progress_interval = std::chrono::milliseconds(150);
  settings.nodes.store.min_lease_ttl = settings.workload.lease_ttl_seconds;
  if (random.chance(1, 3)) {  // what was written is soon read from the engine again
    settings.nodes.store.recent_bytes = 1U << 10;
    settings.nodes.store.cache_bytes = 1U << 10;
  }
  settings.workload.value_bytes_max = random.chance(1, 4) ? random.between(100, 2000) : 0;
  settings.nodes.log.segment_bytes = std::uint64_t{1} << random.between(14, 17);
  settings.nodes.log.cache_bytes = random.chance(1, 3) ? 2048 : 1U << 20;
  settings.nodes.engine_write_interval = std::chrono::milliseconds(static_cast<std::int64_t>(random.between(1, 20)));
  settings.nodes.engine_flush_interval = std::chrono::milliseconds(static_cast<std::int64_t>(random.between(20, 400)));
  // Logs are cut early and snapshots come in small chunks, so that most runs have some, at every stage.
  settings.nodes.log_tail_entries = random.between(0, 60);
  settings.nodes.snapshots.chunk_bytes = random.between(100, 4000);
  settings.nodes.snapshots.window_chunks = static_cast<std::uint32_t>(random.between(1, 6));
  settings.nodes.snapshots.repeat_after = std::chrono::milliseconds(static_cast<std::int64_t>(random.between(10, 60)));
  settings.nodes.snapshots.patience = std::chrono::milliseconds(static_cast<std::int64_t>(random.between(100, 400)));
  settings.nodes.snapshot_bytes_per_second = random.chance(1, 2) ? 0 : random.between(100'000, 4'000'000);
  settings.nodes.scrub_interval =
      random.chance(1, 2) ? Duration{} : std::chrono::milliseconds(static_cast<std::int64_t>(random.between(50, 500)));
  if (random.chance(1, 2)) {
    settings.workload.leases_until = Instant(settings.safety_phase * 3 / 4);
  }
  if (factory.takes_quorum_sizes && settings.nodes.node_count == 5 && random.chance(1, 2)) {
    settings.nodes.core.quorum_sizes = {.phase_1 = 4, .phase_2 = 2};
  }
  return settings;
}

RunResult run(const RunSettings& settings) {
  return settings.nodes.factory.keeps_log ? Run(settings).carry_out() : run_cells(settings);
}

}  // namespace quorate::sim
