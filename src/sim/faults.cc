#include "sim/faults.h"

#include <algorithm>
#include <utility>

namespace quorate::sim {
namespace {

/// In how many runs a fault is among those that may happen.
std::uint64_t percent_of(Fault fault) {
  switch (fault) {
    case Fault::change_membership:
    case Fault::take_backup:  // with few voters little is acknowledged; and a restored cluster is one more run
    case Fault::lost_directory:
    case Fault::old_copy: return 20;
    case Fault::black_hole:  // while it lasts, nothing is
    case Fault::hanging_disk: return 10;
    default: break;
  }
  if (fault == Fault::failing_disk || fault == Fault::full_disk || damages(fault)) {
    return 25;
  }
  return is_ambient(fault) ? 15 : 50;
}

}  // namespace

Faults::Faults(Cluster& cluster, Random random, std::optional<FaultSchedule> schedule, Listener& listener)
    : cluster_(cluster),
      random_(random.split("faults")),
      listener_(listener),
      schedule_(std::move(schedule)),
      operator_(cluster),
      disks_(cluster) {
  if (!schedule_) {
    draw_mix();
  }
}

/// Crashes (twice as often) and power losses in every run; the rest in a random mix, the ambient ones more rarely.
void Faults::draw_mix() {
  for (std::size_t i = 0; i < kFaultCount; ++i) {
    const auto fault = static_cast<Fault>(i);
    const bool always = fault == Fault::crash || fault == Fault::power_loss;
    if (fault == Fault::crash) {
      enabled_.push_back(fault);
    }
    const bool can_strike = cluster_.node(1).has_stores() || !needs_log(fault);
    if (can_strike && (always || random_.chance(percent_of(fault), 100))) {
      enabled_.push_back(fault);
    }
  }
  interval_ = milliseconds(random_.between(90, 220));
}

void Faults::start(Instant until) {
  until_ = until;
  if (!schedule_) {
    for (const Fault fault : enabled_) {
      if (is_ambient(fault)) {
        start_ambient({.at = {}, .fault = fault, .node = 0, .details = {}});
      }
    }
    next(0);
    return;
  }
  for (std::size_t i = 0; i < schedule_->size(); ++i) {
    const FaultEvent& event = (*schedule_)[i];
    if (is_ambient(event.fault)) {
      start_ambient(event);
    } else {
      cluster_.queue().schedule(Instant(event.at), Owner{}, Callback<>::to<&Faults::happen>(this, i));
    }
  }
}

void Faults::start_ambient(const FaultEvent& event) {
  begin_event(event);
  NetworkBehaviour& network = cluster_.network().behaviour;
  switch (event.fault) {
    case Fault::lossy_network: network.loss_per_mille = detail(5, 50); break;
    case Fault::reordering_network: network.reorder_per_mille = detail(10, 200); break;
    case Fault::duplicating_network: network.duplicate_per_mille = detail(10, 100); break;
    case Fault::replaying_network: network.replay_per_mille = detail(5, 50); break;
    case Fault::corrupting_network: network.corrupt_per_mille = detail(1, 4); break;
    case Fault::clock_drift:
      for (std::uint32_t node = 1; node <= cluster_.node_count(); ++node) {
        cluster_.node(node).clock.drift_per_million = static_cast<std::int64_t>(detail(0, 20'000)) - 10'000;
      }
      break;
    case Fault::slow_engine:
      for (std::uint32_t node = 1; node <= cluster_.node_count(); ++node) {
        cluster_.node(node).engine = {.pending_per_million = detail(50'000, 800'000),
                                      .lookup_delay = milliseconds(detail(1, 10)),
                                      .flush_delay = milliseconds(detail(1, 300))};
      }
      break;
    default: break;
  }
  count();
  end_event();
}

/// Draws and injects one fault after the other.
void Faults::next(std::uint64_t) {
  if (healed_ || cluster_.now() >= until_) {
    return;
  }
  std::vector<Fault> events;
  std::copy_if(enabled_.begin(), enabled_.end(), std::back_inserter(events),
               [](Fault fault) { return !is_ambient(fault); });
  const Fault fault = events[random_.between(0, events.size() - 1)];
  begin_event({.at = cluster_.now().time_since_epoch(), .fault = fault, .node = draw_victim(), .details = {}});
  inject();
  end_event();
  const auto half = static_cast<std::uint64_t>(interval_.count() / 2);
  const Duration pause = Duration(static_cast<std::int64_t>(half + random_.between(0, 2 * half)));
  cluster_.queue().schedule(cluster_.now() + pause, Owner{}, Callback<>::to<&Faults::next>(this));
}

/// The schedule's event of that number is due.
void Faults::happen(std::uint64_t number) {
  if (healed_ || cluster_.now() >= until_) {
    return;
  }
  begin_event((*schedule_)[number]);
  inject();
  end_event();
}

void Faults::begin_event(FaultEvent event) {
  event_ = std::move(event);
  has_struck_ = false;
  next_detail_ = 0;
}

void Faults::end_event() {
  if (has_struck_) {
    listener_.on_fault_event(event_);
  }
}

std::uint64_t Faults::detail(std::uint64_t low, std::uint64_t high) {
  if (!schedule_) {
    event_.details.push_back(random_.between(low, high));
  }
  return next_detail_ < event_.details.size() ? std::clamp(event_.details[next_detail_++], low, high) : low;
}

std::uint32_t Faults::random_node() { return static_cast<std::uint32_t>(random_.between(1, cluster_.node_count())); }

/// Half of the time trouble finds a leader: that is where it hurts.
std::uint32_t Faults::draw_victim() {
  const std::uint32_t leader = listener_.current_leader();
  return leader != 0 && random_.chance(1, 2) ? leader : random_node();
}

/// The event under way strikes `node`.
void Faults::count(std::uint32_t node) {
  has_struck_ = true;
  event_.node = node;
  ++counts_[static_cast<std::size_t>(event_.fault)];
  listener_.on_fault(event_.fault, node);
}

void Faults::inject() {
  disks_.look();
  const std::uint32_t victim = std::clamp(event_.node, 1U, cluster_.node_count());
  const std::uint32_t majority = cluster_.node_count() / 2 + 1;
  const bool can_lose_one = disks_.well_count() > majority && cluster_.node(victim).is_alive();
  const bool loses_power = event_.fault == Fault::power_loss || event_.fault == Fault::power_loss_all;
  if (loses_power && !disks_.all_whole()) {
    return;  // a log whose end is then in doubt, and one that is damaged, may leave too few to decide
  }
  switch (event_.fault) {
    case Fault::crash:
    case Fault::power_loss:
      if (can_lose_one) {
        count(victim);
        take_down(victim, event_.fault == Fault::power_loss);
      }
      return;
    case Fault::crash_all:
    case Fault::power_loss_all:
      if (schedule_ || random_.chance(1, 3)) {
        count();
        for (std::uint32_t node = 1; node <= cluster_.node_count(); ++node) {
          take_down(node, event_.fault == Fault::power_loss_all);
        }
      }
      return;
    case Fault::pause:
      count(victim);
      cluster_.pause(victim, cluster_.now() + milliseconds(detail(10, 500)));
      return;
    case Fault::slow_disk: {
      // A disk that is slow becomes quick again: such an event has no detail.
      DiskBehaviour& disk = cluster_.node(victim).disk().behaviour;
      const bool is_slow = disk.latency_max > std::chrono::milliseconds(1);
      const bool ends = schedule_ ? event_.details.empty() : is_slow;
      disk.latency_max = ends ? std::chrono::microseconds(300) : milliseconds(detail(5, 60));
      count(victim);
      return;
    }
    case Fault::hanging_disk:
      count(victim);
      cluster_.node(victim).disk().hang(milliseconds(detail(50, 300)));
      return;
    case Fault::reset_links: {
      auto other = static_cast<std::uint32_t>(detail(1, cluster_.node_count()));
      other = other == victim ? other % cluster_.node_count() + 1 : other;
      count(victim);
      cluster_.network().reset_streams(victim, other);
      return;
    }
    case Fault::clock_jump:
      count(victim);
      cluster_.node(victim).clock.wall_offset_ms += static_cast<std::int64_t>(detail(0, 2'000'000'000)) - 1'000'000'000;
      return;
    case Fault::transfer_leadership: transfer_leadership(); return;
    case Fault::change_membership: change_membership(); return;
    case Fault::take_backup: take_backup(victim); return;
    case Fault::lost_directory:
      if (can_lose_one && is_known_to_all(victim)) {
        lose_directory(victim);
      }
      return;
    case Fault::swizzle: swizzle(); return;
    case Fault::black_hole: swallow(victim); return;
    case Fault::crash_loop:
      if (can_lose_one) {
        loop_crashes(victim);
      }
      return;
    case Fault::old_copy:
      if (can_lose_one) {
        copy_directory(victim);
      }
      return;
    case Fault::failing_disk:
    case Fault::full_disk:
      if (can_lose_one && !disks_.is_ill(victim)) {
        trouble_disk(victim);
      }
      return;
    case Fault::damaged_log:
    case Fault::lost_write:
    case Fault::misdirected_write:
      if (can_lose_one && disks_.may_damage(victim)) {
        damage_log(victim);
      }
      return;
    case Fault::damaged_records:
      if (can_lose_one && disks_.may_damage(victim)) {
        count(victim);
        take_down(victim, false);
        disks_.damage_records(victim);
      }
      return;
    case Fault::scattered_damage:
      if (disks_.all_well()) {
        scatter_damage();
      }
      return;
    default: cut(); return;
  }
}

/// Of the first group, to another node, which may be down, behind or cut off.
void Faults::transfer_leadership() {
  const GroupId group(1);
  if (const std::uint32_t leader = cluster_.leader_of(group); leader != 0) {
    count(leader);
    cluster_.node(leader).host().replica(group).transfer_leadership(NodeId(leader % cluster_.node_count() + 1));
  }
}

/// Not while a replica is repaired: those who are left might be too few for that.
void Faults::change_membership() {
  if (!disks_.all_whole()) {
    return;
  }
  const GroupId group(detail(1, cluster_.group_count()));
  if (const std::uint32_t asked = operator_.change(group, detail(0, operator_.choices() - 1)); asked != 0) {
    count(asked);
  }
}

/// Who has executed nothing has nothing to give.
void Faults::take_backup(std::uint32_t node) {
  const GroupId group(detail(1, cluster_.group_count()));
  Node& asked = cluster_.node(node);
  if (asked.is_alive() && asked.has_stores() && !asked.host().replica(group).executed().is_none()) {
    count(node);
    asked.take_backup(group, [this](Result<Backup> backup) { listener_.on_backup(std::move(backup)); });
  }
}

void Faults::trouble_disk(std::uint32_t node) {
  count(node);
  event_.fault == Fault::full_disk ? disks_.leave_no_space(node) : disks_.fail_writes(node);
  cluster_.queue().schedule(cluster_.now() + milliseconds(detail(20, 400)), Owner{},
                            Callback<>::to<&Faults::cure_disk>(this, node));
}

void Faults::cure_disk(std::uint64_t node) { disks_.cure(static_cast<std::uint32_t>(node)); }

/// Of a node that is down; or under one that runs on until it notices, or an operator looks.
void Faults::damage_log(std::uint32_t node) {
  const auto how = event_.fault == Fault::lost_write          ? Disk::Betrayal::lost_write
                   : event_.fault == Fault::misdirected_write ? Disk::Betrayal::misdirected_write
                                                              : Disk::Betrayal::flipped_bit;
  const std::uint64_t place = detail(0, UINT32_MAX);
  if (!disks_.damage_log(node, how, place)) {
    return;
  }
  count(node);
  if (detail(0, 1) == 0) {
    take_down(node, false);
  } else {
    cluster_.queue().schedule(cluster_.now() + milliseconds(detail(20, 500)), Owner{},
                              Callback<>::to<&Faults::look_at_log>(this, node));
  }
}

/// Of logs that are read next when all have crashed.
void Faults::scatter_damage() {
  const GroupId group(detail(1, cluster_.group_count()));
  if (!disks_.scatter_damage(group, static_cast<std::uint32_t>(detail(0, cluster_.node_count() - 1)))) {
    return;
  }
  count();
  for (std::uint32_t node = 1; node <= cluster_.node_count(); ++node) {
    take_down(node, false);
  }
}

void Faults::look_at_log(std::uint64_t node) {
  if (disks_.has_hidden_damage(static_cast<std::uint32_t>(node))) {
    take_down_stopped(node);
  }
}

bool Faults::on_node_stopped(std::uint32_t node, const Error& why) {
  if (!disks_.gave_reason(node, why.code)) {
    return false;
  }
  // Not now: the node is still in the call that tells it.
  cluster_.queue().schedule(cluster_.now(), cluster_.node(node).owner(),
                            Callback<>::to<&Faults::take_down_stopped>(this, node));
  return true;
}

void Faults::heal() {
  healed_ = true;
  cluster_.network().heal_all();
  cluster_.network().behaviour = NetworkBehaviour{};
  cluster_.unpause_all();
  for (std::uint32_t node = 1; node <= cluster_.node_count(); ++node) {
    cluster_.node(node).disk().behaviour = DiskBehaviour{};
    cluster_.node(node).engine = {};
    if (disks_.has_hidden_damage(node)) {
      cluster_.node(node).crash();
      listener_.on_life_ended(node);
    }
    bring_up(node);
  }
  operator_.restore_all();
}

}  // namespace quorate::sim
