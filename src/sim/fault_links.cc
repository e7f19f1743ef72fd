// Faults of links: partitions of every shape, links that come and go, and links that carry nothing and do not say so.

#include "sim/faults.h"

namespace quorate::sim {

/// Half of the nodes or more lose their links, each at a moment of its own, and get them back in any order.
void Faults::swizzle() {
  count();
  for (std::uint32_t node = 1; node <= cluster_.node_count(); ++node) {
    if (detail(0, 2) == 0) {
      continue;
    }
    const Duration clogged = milliseconds(detail(0, 200));
    const Duration unclogged = milliseconds(detail(200, 500));
    cluster_.queue().schedule(cluster_.now() + clogged, Owner{}, Callback<>::to<&Faults::clog>(this, node));
    cluster_.queue().schedule(cluster_.now() + unclogged, Owner{}, Callback<>::to<&Faults::unclog>(this, node));
  }
}

void Faults::clog(std::uint64_t node) {
  for (std::uint32_t other = 1; !healed_ && other <= cluster_.node_count(); ++other) {
    cluster_.network().block(static_cast<std::uint32_t>(node), other);
    cluster_.network().block(other, static_cast<std::uint32_t>(node));
  }
}

void Faults::unclog(std::uint64_t node) { cluster_.network().heal(static_cast<std::uint32_t>(node)); }

void Faults::cut() {
  Network& network = cluster_.network();
  std::uint32_t victim = event_.node;
  if (!schedule_) {
    const std::uint32_t leader = listener_.current_leader();
    victim = event_.fault == Fault::isolate_leader && leader != 0 ? leader : random_node();
  }
  count(victim);
  for (std::uint32_t other = 1; other <= cluster_.node_count(); ++other) {
    if (other == victim) {
      continue;
    }
    switch (event_.fault) {
      case Fault::one_way_partition:
        detail(1, 2) == 1 ? network.block(victim, other) : network.block(other, victim);
        break;
      case Fault::partial_partition:
        if (detail(1, 2) == 1) {
          network.block(victim, other);
          network.block(other, victim);
        }
        break;
      default: network.block(victim, other); network.block(other, victim);
    }
  }
  cluster_.queue().schedule(cluster_.now() + milliseconds(detail(30, 600)), Owner{},
                            Callback<>::to<&Faults::heal_network>(this));
}

/// Connections to and from some of the others stay open, new ones are accepted, and nothing comes through.
void Faults::swallow(std::uint32_t node) {
  count(node);
  for (std::uint32_t other = 1; other <= cluster_.node_count(); ++other) {
    if (other != node && detail(0, 2) != 0) {
      cluster_.network().swallow(node, other);
      cluster_.network().swallow(other, node);
    }
  }
  cluster_.queue().schedule(cluster_.now() + milliseconds(detail(30, 300)), Owner{},
                            Callback<>::to<&Faults::heal_network>(this));
}

void Faults::heal_network(std::uint64_t) { cluster_.network().heal_all(); }

}  // namespace quorate::sim
