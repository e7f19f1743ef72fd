#include "sim/faults.h"

#include <algorithm>

namespace quorate::sim {
namespace {

constexpr std::array<std::string_view, kFaultCount> kNames = {"crash",
                                                              "crash_all",
                                                              "pause",
                                                              "power_loss",
                                                              "power_loss_all",
                                                              "slow_disk",
                                                              "partition",
                                                              "isolate_leader",
                                                              "one_way_partition",
                                                              "partial_partition",
                                                              "reset_links",
                                                              "lossy_network",
                                                              "reordering_network",
                                                              "duplicating_network",
                                                              "replaying_network",
                                                              "corrupting_network",
                                                              "clock_jump",
                                                              "transfer_leadership",
                                                              "clock_drift",
                                                              "slow_engine"};

/// Faults that are a state of the whole run rather than an event.
constexpr bool is_ambient(Fault fault) {
  switch (fault) {
    case Fault::lossy_network:
    case Fault::reordering_network:
    case Fault::duplicating_network:
    case Fault::replaying_network:
    case Fault::corrupting_network:
    case Fault::clock_drift:
    case Fault::slow_engine: return true;
    default: return false;
  }
}

Duration milliseconds(std::uint64_t count) { return std::chrono::milliseconds(static_cast<std::int64_t>(count)); }

}  // namespace

std::string_view fault_name(Fault fault) { return kNames[static_cast<std::size_t>(fault)]; }

Faults::Faults(Cluster& cluster, Random random, Listener& listener)
    : cluster_(cluster), random_(random.split("faults")), listener_(listener) {
  for (std::size_t i = 0; i < kFaultCount; ++i) {
    const auto fault = static_cast<Fault>(i);
    // Crashes (twice as often) and power losses in every run; the rest in a random mix, the ambient ones more rarely.
    const bool always = fault == Fault::crash || fault == Fault::power_loss;
    if (fault == Fault::crash) {
      enabled_.push_back(fault);
    }
    if (always || random_.chance(is_ambient(fault) ? 15 : 50, 100)) {
      enabled_.push_back(fault);
    }
  }
  interval_ = milliseconds(random_.between(90, 220));
}

void Faults::start(Instant until) {
  until_ = until;
  NetworkBehaviour& network = cluster_.network().behaviour;
  for (const Fault fault : enabled_) {
    switch (fault) {
      case Fault::lossy_network: network.loss_per_mille = random_.between(5, 50); break;
      case Fault::reordering_network: network.reorder_per_mille = random_.between(10, 200); break;
      case Fault::duplicating_network: network.duplicate_per_mille = random_.between(10, 100); break;
      case Fault::replaying_network: network.replay_per_mille = random_.between(5, 50); break;
      case Fault::corrupting_network: network.corrupt_per_mille = random_.between(1, 4); break;
      case Fault::clock_drift:
        for (std::uint32_t node = 1; node <= cluster_.node_count(); ++node) {
          cluster_.node(node).clock.drift_per_million = static_cast<std::int64_t>(random_.between(0, 20'000)) - 10'000;
        }
        break;
      case Fault::slow_engine:
        for (std::uint32_t node = 1; node <= cluster_.node_count(); ++node) {
          cluster_.node(node).engine = {.pending_per_million = random_.between(50'000, 800'000),
                                        .lookup_delay = milliseconds(random_.between(1, 10)),
                                        .flush_delay = milliseconds(random_.between(1, 50))};
        }
        break;
      default: continue;
    }
    count(fault);
  }
  next(0);
}

void Faults::next(std::uint64_t) {
  if (healed_ || cluster_.now() >= until_) {
    return;
  }
  std::vector<Fault> events;
  std::copy_if(enabled_.begin(), enabled_.end(), std::back_inserter(events),
               [](Fault fault) { return !is_ambient(fault); });
  inject(events[random_.between(0, events.size() - 1)]);
  const auto half = static_cast<std::uint64_t>(interval_.count() / 2);
  const Duration pause = Duration(static_cast<std::int64_t>(half + random_.between(0, 2 * half)));
  cluster_.queue().schedule(cluster_.now() + pause, Owner{}, Callback<>::to<&Faults::next>(this));
}

std::uint32_t Faults::random_node() { return static_cast<std::uint32_t>(random_.between(1, cluster_.node_count())); }

void Faults::count(Fault fault, std::uint32_t node) {
  ++counts_[static_cast<std::size_t>(fault)];
  listener_.on_fault(fault, node);
}

void Faults::inject(Fault fault) {
  const std::uint32_t leader = listener_.current_leader();
  // Half of the time trouble finds a leader: that is where it hurts.
  const std::uint32_t victim = leader != 0 && random_.chance(1, 2) ? leader : random_node();
  const std::uint32_t majority = cluster_.node_count() / 2 + 1;
  const bool can_lose_one = cluster_.alive_count() > majority && cluster_.node(victim).is_alive();
  switch (fault) {
    case Fault::crash:
    case Fault::power_loss:
      if (can_lose_one) {
        count(fault, victim);
        take_down(victim, fault == Fault::power_loss);
      }
      return;
    case Fault::crash_all:
    case Fault::power_loss_all:
      if (random_.chance(1, 3)) {
        count(fault);
        for (std::uint32_t node = 1; node <= cluster_.node_count(); ++node) {
          take_down(node, fault == Fault::power_loss_all);
        }
      }
      return;
    case Fault::pause:
      count(fault, victim);
      cluster_.pause(victim, cluster_.now() + milliseconds(random_.between(10, 500)));
      return;
    case Fault::slow_disk: {
      DiskBehaviour& disk = cluster_.node(victim).disk().behaviour;
      const bool is_slow = disk.latency_max > std::chrono::milliseconds(1);
      disk.latency_max = is_slow ? std::chrono::microseconds(300) : milliseconds(random_.between(5, 60));
      count(fault, victim);
      return;
    }
    case Fault::reset_links: {
      std::uint32_t other = random_node();
      other = other == victim ? other % cluster_.node_count() + 1 : other;
      count(fault, victim);
      cluster_.network().reset_streams(victim, other);
      return;
    }
    case Fault::clock_jump:
      count(fault, victim);
      cluster_.node(victim).clock.wall_offset_ms +=
          static_cast<std::int64_t>(random_.between(0, 2'000'000'000)) - 1'000'000'000;
      return;
    case Fault::transfer_leadership: transfer_leadership(); return;
    default: cut(fault); return;
  }
}

/// Of the first group, to another node, which may be down, behind or cut off.
void Faults::transfer_leadership() {
  for (std::uint32_t node = 1; node <= cluster_.node_count(); ++node) {
    if (!cluster_.node(node).is_alive()) {
      continue;
    }
    group::Replica& replica = cluster_.node(node).host().replica(GroupId(1));
    if (replica.status().role == consensus::Role::leader) {
      count(Fault::transfer_leadership, node);
      replica.transfer_leadership(NodeId(node % cluster_.node_count() + 1));
      return;
    }
  }
}

void Faults::cut(Fault fault) {
  Network& network = cluster_.network();
  const std::uint32_t leader = listener_.current_leader();
  const std::uint32_t victim = fault == Fault::isolate_leader && leader != 0 ? leader : random_node();
  count(fault, victim);
  for (std::uint32_t other = 1; other <= cluster_.node_count(); ++other) {
    if (other == victim) {
      continue;
    }
    switch (fault) {
      case Fault::one_way_partition:
        random_.chance(1, 2) ? network.block(victim, other) : network.block(other, victim);
        break;
      case Fault::partial_partition:
        if (random_.chance(1, 2)) {
          network.block(victim, other);
          network.block(other, victim);
        }
        break;
      default: network.block(victim, other); network.block(other, victim);
    }
  }
  cluster_.queue().schedule(cluster_.now() + milliseconds(random_.between(30, 600)), Owner{},
                            Callback<>::to<&Faults::heal_network>(this));
}

void Faults::heal_network(std::uint64_t) { cluster_.network().heal_all(); }

void Faults::take_down(std::uint32_t index, bool power) {
  Node& node = cluster_.node(index);
  if (!node.is_alive()) {
    return;
  }
  power ? node.lose_power() : node.crash();
  listener_.on_life_ended(index);
  cluster_.queue().schedule(cluster_.now() + milliseconds(random_.between(5, 300)), Owner{},
                            Callback<>::to<&Faults::bring_up>(this, index));
}

void Faults::bring_up(std::uint64_t index) {
  const auto number = static_cast<std::uint32_t>(index);
  Node& node = cluster_.node(number);
  if (node.is_alive()) {
    return;
  }
  if (Status started = node.start(); !started) {
    listener_.on_start_failed(number, started.error());
  }
}

void Faults::heal() {
  healed_ = true;
  cluster_.network().heal_all();
  cluster_.network().behaviour = NetworkBehaviour{};
  cluster_.unpause_all();
  for (std::uint32_t node = 1; node <= cluster_.node_count(); ++node) {
    cluster_.node(node).disk().behaviour = DiskBehaviour{};
    cluster_.node(node).engine = {};
    bring_up(node);
  }
}

}  // namespace quorate::sim
