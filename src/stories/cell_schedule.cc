#include "stories/cell_schedule.h"

#include <algorithm>

namespace quorate::stories {

using consensus::Loss;
using consensus::TimerKind;

CellSchedule::CellSchedule(const consensus::Protocol& protocol, std::uint64_t seed, bool words, Quorums quorums)
    : dice_(seed),
      cluster_(protocol, words),
      count_(dice_.roll(3) == 0 ? 5 : 3),
      cells_(1 + dice_.roll(3)),
      quorum_sizes_(roll_quorum_sizes(quorums, count_, dice_)) {
  Cluster::Options options;
  options.core.quorum_sizes = quorum_sizes_;
  options.manual_disk = true;
  for (std::uint64_t id = 1; id <= count_; ++id) {
    options.core.initial_membership.voters.emplace_back(id);
  }
  for (std::uint64_t id = 1; id <= count_; ++id) {
    cluster_.add_node(NodeId(id), options);
    restart(NodeId(id));
  }
}

void CellSchedule::run(int steps) {
  // Some clusters live in peace most of the time, in others everything happens at once.
  const std::uint64_t peace = 1 + dice_.roll(4);
  for (int i = 0; i < steps && cluster_.violations().empty(); ++i) {
    const std::uint64_t die = dice_.roll(100);
    act(die >= 84 && dice_.roll(peace) != 0 ? die % 84 : die);
    // New cells come while old ones are still argued about.
    if (cluster_.decided().size() >= first_cell_ + cells_ - 1 && dice_.roll(8) == 0) {
      ++first_cell_;
    }
  }
}

void CellSchedule::act(std::uint64_t die) {
  const NodeId node = any_node();
  if (die < 55) {
    if (!cluster_.network.empty()) {
      cluster_.deliver(dice_.roll(3) == 0 ? dice_.roll(cluster_.network.size()) : 0);  // mostly in order, sometimes any
    }
  } else if (die < 72) {
    cluster_.persist(node, 1 + dice_.roll(2));
  } else if (die < 78) {
    ask();
  } else if (die < 84) {
    for (const TimerKind kind : {TimerKind::retry, TimerKind::heartbeat, TimerKind::election}) {
      if (cluster_.is_armed(node, kind)) {
        cluster_.fire(node, kind);
      }
    }
  } else if (die < 93) {
    change_network(die);
  } else if (die < 98) {
    end_or_begin_life(node);
  } else if (die < 99) {
    for (const NodeId each : cluster_.node_ids()) {  // all lose power
      if (cluster_.is_alive(each)) {
        crash(each);
      }
    }
    for (const NodeId each : cluster_.node_ids()) {
      restart(each);
    }
  } else if (!cluster_.is_alive(node)) {
    restart(node);
  }
}

void CellSchedule::ask() {
  const NodeId node = any_node();
  if (dice_.roll(3) == 0) {
    cluster_.read(node, any_cell());
    return;
  }
  std::vector<std::string> proposals;  // several cells in one turn are one write
  for (std::uint64_t i = 0; i <= dice_.roll(2); ++i) {
    proposals.push_back(any_cell() + "=v" + std::to_string(++proposals_));
  }
  cluster_.propose(node, proposals);
}

void CellSchedule::change_network(std::uint64_t die) {
  if (cluster_.network.empty() && die < 91) {
    return;
  }
  if (die < 88) {
    cluster_.network.erase(cluster_.network.begin() + static_cast<std::ptrdiff_t>(dice_.roll(cluster_.network.size())));
  } else if (die < 91) {
    if (cluster_.network.size() < 200) {
      cluster_.network.push_back(cluster_.network[dice_.roll(cluster_.network.size())]);
    }
  } else if (!cluster_.cut_links.empty()) {
    cluster_.cut_links.clear();
  } else {
    // One node is cut off, or one direction of one link is.
    const NodeId node = any_node();
    const bool whole = dice_.roll(2) == 0;
    for (const NodeId other : cluster_.node_ids()) {
      if (whole || other == any_node()) {
        cluster_.cut_links.insert({node, other});
      }
      if (whole) {
        cluster_.cut_links.insert({other, node});
      }
    }
  }
}

void CellSchedule::crash(NodeId node) {
  if (!is_unsure(node)) {
    uncertain_.erase(node);
  }
  cluster_.crash(node, dice_.roll(3));
}

void CellSchedule::end_or_begin_life(NodeId node) {
  if (!cluster_.is_alive(node)) {
    restart(node);
    return;
  }
  crash(node);
  if (dice_.roll(4) == 0) {
    damage(node);
  }
}

/// It is not known whether its disk has all that it once had.
bool CellSchedule::is_unsure(NodeId node) const {
  const bool is_settled = cluster_.is_alive(node) && !cluster_.core(node).status().uncertain_tail;
  return cluster_.loss_of(node).kind != Loss::Kind::none || (uncertain_.contains(node) && !is_settled);
}

/// The disk of one node at a time loses what was durable; everybody else's is whole (F-D6), and they are enough.
void CellSchedule::damage(NodeId node) {
  if (quorum_sizes_.larger_of(count_) >= count_) {
    return;
  }
  for (const NodeId each : cluster_.node_ids()) {
    if (each != node && is_unsure(each)) {
      return;
    }
  }
  cluster_.damage_cells(node, dice_.roll(2) == 0 ? std::string() : any_cell());
}

void CellSchedule::restart(NodeId node) {
  if (cluster_.is_alive(node)) {
    return;
  }
  // Now and then a replica is told that the end of its log is in doubt, though nothing is missing. Nobody is damaged
  // then.
  const bool is_anybody_damaged = std::ranges::any_of(
      cluster_.node_ids(), [this](NodeId each) { return cluster_.loss_of(each).kind != Loss::Kind::none; });
  if (!is_anybody_damaged && dice_.roll(12) == 0) {
    uncertain_.insert(node);
  }
  cluster_.start(node, uncertain_.contains(node));
  for (const NodeId other : cluster_.node_ids()) {
    if (other != node && cluster_.is_alive(other)) {
      cluster_.step(other, consensus::PeerUp{node, cluster_.life_of(node)});
      cluster_.step(node, consensus::PeerUp{other, cluster_.life_of(other)});
    }
  }
}

std::string CellSchedule::heal() {
  cluster_.cut_links.clear();
  for (const NodeId node : cluster_.node_ids()) {
    restart(node);
  }
  constexpr int kRounds = 40;
  for (int round = 0; round < kRounds && cluster_.violations().empty(); ++round) {
    cluster_.settle();
    if (round > 0 && is_healthy()) {
      return {};
    }
    // Whoever's turn it is: a time-out that nobody else has.
    const NodeId node(1 + static_cast<std::uint64_t>(round) % count_);
    for (const TimerKind kind : {TimerKind::heartbeat, TimerKind::retry, TimerKind::election, TimerKind::election}) {
      if (cluster_.is_armed(node, kind)) {
        cluster_.fire(node, kind);
        cluster_.settle();
      }
    }
    for (std::uint64_t cell = 1; cell < first_cell_ + cells_; ++cell) {
      cluster_.propose(node, {"k" + std::to_string(cell) + "=healed" + std::to_string(round)});
    }
  }
  std::string text = "not healed:";
  for (const NodeId node : cluster_.node_ids()) {
    text += "\n" + cluster_.status_words(node);
  }
  return cluster_.violations().empty() ? text : std::string();
}

bool CellSchedule::is_healthy() const {
  return std::ranges::all_of(cluster_.node_ids(), [this](NodeId node) {
    const consensus::CoreStatus status = cluster_.core(node).status();
    return status.loss.kind == Loss::Kind::none && !status.uncertain_tail &&
           !cluster_.is_armed(node, TimerKind::election) && cluster_.known(node).size() >= first_cell_ + cells_ - 1 &&
           cluster_.known(node) == cluster_.decided();
  });
}

}  // namespace quorate::stories
