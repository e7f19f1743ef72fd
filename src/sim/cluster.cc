#include "sim/cluster.h"

#include <algorithm>

namespace quorate::sim {

Cluster::Cluster(const NodeSettings& settings, Random random, TraceSink& traces, ReplicaObserver& observer)
    : group_count_(settings.group_count),
      quorum_sizes_(settings.core.quorum_sizes),
      network_(queue_, random.split("network")),
      paused_until_(settings.node_count + 1),
      wakes_at_(settings.node_count + 1) {
  for (std::uint32_t i = 1; i <= settings.node_count; ++i) {
    nodes_.push_back(std::make_unique<Node>(i, settings, queue_, network_, random.split("node"), traces, observer));
  }
}

bool Cluster::step(Instant until) {
  if (queue_.empty() || queue_.next_at() > until) {
    queue_.advance_to(until);
    return false;
  }
  const Event event = queue_.pop();
  if (event.owner.node != 0) {
    const Node& owner = node(event.owner.node);
    if (event.owner.life != kAnyLife && !owner.leads_life(event.owner.life)) {
      return true;
    }
    const Instant pause = paused_until_[event.owner.node];
    if (pause > queue_.now()) {
      queue_.schedule(pause, event.owner, event.action);
      return true;
    }
  }
  hasher_.add(static_cast<std::uint64_t>(event.at.time_since_epoch().count()));
  hasher_.add(event.owner.node);
  event.action();
  return true;
}

Result<backup::Figures> Cluster::restore_all(std::string_view file) {
  Result<backup::Figures> figures;
  for (const std::unique_ptr<Node>& node : nodes_) {
    figures = node->restore(file);
    if (!figures) {
      return figures;
    }
  }
  return figures;
}

Status Cluster::start_all() {
  for (const std::unique_ptr<Node>& node : nodes_) {
    if (!node->is_alive()) {
      QUORATE_TRY(node->start());
    }
  }
  return {};
}

void Cluster::pause(std::uint32_t node, Instant until) {
  paused_until_[node] = until;
  wakes_at_[node] = std::max(wakes_at_[node], until);
}

void Cluster::unpause_all() { std::fill(paused_until_.begin(), paused_until_.end(), Instant{}); }

std::uint32_t Cluster::alive_count() const {
  return static_cast<std::uint32_t>(
      std::count_if(nodes_.begin(), nodes_.end(), [](const auto& node) { return node->is_alive(); }));
}

std::uint32_t Cluster::leader_of(GroupId group) {
  for (std::uint32_t index = 1; index <= node_count(); ++index) {
    if (node(index).is_alive() && node(index).host().replica(group).status().role == consensus::Role::leader) {
      return index;
    }
  }
  return 0;
}

}  // namespace quorate::sim
