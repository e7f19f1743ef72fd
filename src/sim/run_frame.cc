#include "sim/run_frame.h"

#include "sim/invariants/all.h"

namespace quorate::sim {
namespace {

constexpr Duration kLookInterval = std::chrono::milliseconds(4);
constexpr Duration kLookIntervalHealed = std::chrono::milliseconds(10);
constexpr std::uint64_t kEventsAtOnce = 100'000;

Random random_of(const RunSettings& settings) {
  Random random(settings.seed);
  return settings.variant == 0 ? random : random.split("variant " + std::to_string(settings.variant));
}

}  // namespace

RunFrame::RunFrame(const RunSettings& settings)
    : settings_(settings),
      random_(random_of(settings)),
      memberships_(all_voters(settings_.nodes.node_count)),
      cluster_(settings_.nodes, random_.split("cluster"), *this, *this),
      faults_(cluster_, random_.split("faults"), settings_.faults, *this) {
  if (settings_.story != nullptr) {
    teller_.emplace(*settings_.story, settings_.nodes.node_count, settings_.nodes.group_count);
  }
  invariants_ =
      invariants_of(settings_.nodes.factory, settings_.nodes.core, {cluster_, ledger_, memberships_, histories_});
}

void RunFrame::on_replaced(std::uint32_t node, GroupId group, std::int64_t revision) {
  tell("n" + std::to_string(node) + " group " + std::to_string(group.value()) + ": a snapshot brought it to revision " +
       std::to_string(revision));
  for (const auto& invariant : invariants_) {
    check(*invariant, invariant->on_replaced(node, group, revision));
  }
}

void RunFrame::on_role(std::uint32_t node, GroupId group, const consensus::RoleChanged& change) {
  if (change.from != change.to) {
    result_.role_changes.insert({change.from, change.to, change.why});
  }
  if (change.to == consensus::Role::leader) {
    ++result_.leader_changes;
    leaders_[group] = node;
  }
  for (const auto& invariant : invariants_) {
    check(*invariant, invariant->on_role(node, group, change));
  }
}

void RunFrame::on_core_start(const ReplicaName& replica, const consensus::PersistedState& state) {
  if (teller_) {
    teller_->on_core_start(replica, state);
  }
  ledger_.start(replica, state);
  memberships_.start(replica, state);
}

void RunFrame::on_core_receive(const ReplicaName& replica, const consensus::Receive& receive) {
  if (teller_) {
    teller_->on_core_receive(replica, receive);
  }
  for (const auto& invariant : invariants_) {
    invariant->on_receive(replica, receive.from);
  }
}

void RunFrame::on_core_effect(const ReplicaName& replica, const consensus::Effect& effect,
                              const consensus::Core& core) {
  if (teller_) {
    teller_->on_core_effect(replica, effect);
  }
  for (const auto& invariant : invariants_) {
    check(*invariant, invariant->on_effect(replica, effect, core));
  }
  if (const auto* persist = std::get_if<consensus::Persist>(&effect)) {
    ledger_.write(replica, *persist);
    memberships_.write(replica, *persist);
  }
}

void RunFrame::on_core_durable(const ReplicaName& replica, Io io) {
  if (teller_) {
    teller_->on_core_durable(replica, io);
  }
  ledger_.confirm(replica, io);
  for (const auto& invariant : invariants_) {
    invariant->on_durable(replica, io);
  }
}

void RunFrame::on_node_stopped(std::uint32_t node, const Error& why) {
  if (!faults_.on_node_stopped(node, why)) {
    fail_run("n" + std::to_string(node) + " stopped itself: " + why.text, "a node that stops itself");
  }
}

void RunFrame::on_start_failed(std::uint32_t node, const Error& why) {
  fail_run("n" + std::to_string(node) + " does not start again: " + why.text, "a node that does not start");
}

void RunFrame::on_fault(Fault fault, std::uint32_t node) {
  if (teller_) {
    teller_->on_fault(fault, node);
  }
  const bool all = fault == Fault::crash_all || fault == Fault::power_loss_all || fault == Fault::scattered_damage;
  const std::uint64_t lives = all ? cluster_.alive_count() : 1;
  if (fault == Fault::crash || fault == Fault::crash_all || fault == Fault::crash_loop || damages(fault)) {
    result_.crashes += lives;
  } else if (fault == Fault::power_loss || fault == Fault::power_loss_all) {
    result_.power_losses += lives;
  }
}

void RunFrame::on_fault_event(const FaultEvent& event) {
  if (settings_.on_fault) {
    settings_.on_fault(event);
  }
}

void RunFrame::on_backup(Result<Backup> backup) {
  if (!backup) {
    fail_run("no backup can be taken: " + backup.error().text, "a backup");
    return;
  }
  tell("a backup of group " + std::to_string(backup->group.value()) + " is complete");
  backup_ = std::move(*backup);
}

std::uint32_t RunFrame::current_leader() const {
  for (const auto& [group, node] : leaders_) {
    return node;
  }
  return 0;
}

void RunFrame::tell(const std::string& what) {
  if (teller_) {
    teller_->say(what);
  }
}

void RunFrame::fail_run(std::string violation, std::string_view checker) {
  if (result_.violation.empty()) {
    tell("VIOLATION " + violation);
    result_.checker = checker.empty() ? violation.substr(0, violation.find(':')) : checker;
    result_.violation = std::move(violation);
  }
}

void RunFrame::check(const Invariant& invariant, const std::string& wrong) {
  if (!wrong.empty()) {
    fail_run(std::string(invariant.id()) + ": " + wrong);
  }
}

template <class Visit>
void RunFrame::for_each_replica(const Visit& visit) {
  for (std::uint32_t node = 1; node <= cluster_.node_count(); ++node) {
    for (std::uint32_t group = 1; cluster_.node(node).is_alive() && group <= settings_.nodes.group_count; ++group) {
      visit(ReplicaName{node, GroupId(group)}, cluster_.node(node).host().replica(GroupId(group)));
    }
  }
}

/// Looks at every replica, then at what leaders believe of the others.
void RunFrame::look(std::uint64_t) {
  for_each_replica([this](const ReplicaName& name, const group::Replica& replica) {
    const consensus::CoreStatus status = replica.status();
    for (const auto& invariant : invariants_) {
      check(*invariant, invariant->on_status(name.node, name.group, status, replica.executed()));
    }
  });
  for_each_replica([this](const ReplicaName& name, const group::Replica& replica) {
    if (const std::vector<consensus::MemberProgress> members = replica.progress(); !members.empty()) {
      for (const auto& invariant : invariants_) {
        check(*invariant, invariant->on_progress(name, members));
      }
    }
  });
  const Duration interval = healed_ ? kLookIntervalHealed : kLookInterval;
  cluster_.queue().schedule(cluster_.now() + interval, Owner{}, Callback<>::to<&RunFrame::look>(this));
}

bool RunFrame::step(Instant until) {
  const Instant before = cluster_.now();
  if (teller_) {
    teller_->set_time(cluster_.next_at());
  }
  if (!cluster_.step(until)) {
    return false;
  }
  after_step();
  events_at_once_ = cluster_.now() == before ? events_at_once_ + 1 : 0;
  if (events_at_once_ > kEventsAtOnce) {
    fail_run("V-11: a hundred thousand events and no time has passed: something wakes itself for ever");
  }
  return true;
}

bool RunFrame::run_until(Instant until) {
  while (result_.violation.empty() && step(until)) {
  }
  return result_.violation.empty();
}

bool RunFrame::run_until(Instant until, const std::function<bool()>& done) {
  while (result_.violation.empty() && !done()) {
    if (!step(until)) {
      return done();
    }
  }
  return result_.violation.empty();
}

void RunFrame::on_events(std::uint32_t node, GroupId group, std::int64_t revision, std::span<const kv::Event> events) {
  if (teller_) {
    teller_->on_events({node, group}, revision, events);
  }
  for (const auto& invariant : invariants_) {
    check(*invariant, invariant->on_events(node, group, revision, events));
  }
}

void RunFrame::on_life_ended(std::uint32_t node) {
  if (teller_) {
    teller_->on_life_ended(node);
  }
  for (const auto& invariant : invariants_) {
    invariant->on_life_ended(node);
  }
  tell_clients_of_end(node);
}

// ---- phases ---------------------------------------------------------------------------------------------

void RunFrame::start_nodes() {
  if (Status started = cluster_.start_all(); !started) {
    fail_run("start: " + started.error().text);
  }
}

void RunFrame::schedule_look() {
  cluster_.queue().schedule(cluster_.now() + kLookInterval, Owner{}, Callback<>::to<&RunFrame::look>(this));
}

void RunFrame::heal() {
  tell("healed; the liveness phase begins");
  faults_.heal();
  healed_ = true;
}

void RunFrame::sum_up() {
  if (teller_) {
    teller_->tell_disks();
  }
  result_.faults = faults_.counts();
  result_.events = cluster_.queue().happened();
  result_.trace_hash = cluster_.trace_hash();
}

}  // namespace quorate::sim
