#include "stories/random_schedule.h"

#include <algorithm>

#include "consensus/contract/membership_codec.h"

namespace quorate::stories {

using consensus::TimerKind;

quorum::PhaseSizes roll_quorum_sizes(Quorums quorums, std::uint64_t voters, Dice& dice) {
  if (quorums == Quorums::majorities) {
    return {};
  }
  const std::uint64_t phase_2 = 1 + dice.roll(voters);
  const std::uint64_t phase_1 = voters + 1 - phase_2 + dice.roll(phase_2);
  return {static_cast<std::uint32_t>(phase_1), static_cast<std::uint32_t>(phase_2)};
}

RandomSchedule::RandomSchedule(const consensus::Protocol& protocol, std::uint64_t seed, bool words, Quorums quorums)
    : dice_(seed),
      cluster_(protocol, words),
      count_(dice_.roll(3) == 0 ? 5 : 3),
      quorum_sizes_(roll_quorum_sizes(quorums, count_, dice_)) {
  Cluster::Options options;
  options.core.quorum_sizes = quorum_sizes_;
  options.manual_disk = true;
  options.core.pre_vote = dice_.roll(4) != 0;
  options.core.check_quorum = dice_.roll(4) != 0;
  options.core.election_timeout = std::chrono::milliseconds(300);
  options.core.window_messages = 1 + dice_.roll(4);
  options.core.window_entries = 1 + dice_.roll(8);
  options.core.max_entries_per_message = 1 + dice_.roll(3);
  changes_members_ = dice_.roll(2) == 0;
  for (std::uint64_t id = 1; id <= count_; ++id) {
    options.core.initial_membership.voters.emplace_back(id);
  }
  for (std::uint64_t id = 1; id <= count_; ++id) {
    cluster_.add_node(NodeId(id), options);
    restart(NodeId(id));
  }
}

void RandomSchedule::run(int steps) {
  // Some clusters live in peace most of the time and get far, in others everything happens at once.
  const std::uint64_t peace = 1 + dice_.roll(4);
  for (int i = 0; i < steps && cluster_.violations().empty(); ++i) {
    const std::uint64_t die = dice_.roll(100);
    act(die >= 78 && dice_.roll(peace) != 0 ? die % 78 : die);
  }
}

/// Everything is repaired; then somebody leads, everybody is a member again, and they commit.
std::string RandomSchedule::heal() {
  cluster_.cut_links.clear();
  cluster_.carries_snapshots = true;
  for (const NodeId node : cluster_.node_ids()) {
    if (!cluster_.is_alive(node)) {
      restart(node);
    }
  }
  for (int round = 0; round < 60 && cluster_.violations().empty(); ++round) {
    cluster_.settle();
    if (is_healthy()) {
      return {};
    }
    for (const NodeId node : cluster_.node_ids()) {
      cluster_.fire(node, TimerKind::heartbeat);
      cluster_.fire(node, TimerKind::retry);
    }
    cluster_.settle();
    // Whoever's turn it is: a time-out that nobody else has.
    const NodeId node(1 + static_cast<std::uint64_t>(round) / 2 % count_);
    cluster_.fire(node, TimerKind::election);
    cluster_.settle();
    for (const NodeId each : cluster_.node_ids()) {
      if (cluster_.core(each).status().role == consensus::Role::leader) {
        if (cluster_.core(each).status().membership != everybody()) {
          cluster_.reconfigure(each, everybody());
        }
        cluster_.propose(each, {"healed" + std::to_string(round)});
        cluster_.settle();
      }
    }
  }
  std::string text = "not healed:";
  for (const NodeId node : cluster_.node_ids()) {
    text += "\n" + cluster_.status_words(node);
  }
  return cluster_.violations().empty() && !waits_for_damaged() ? text : std::string();
}

consensus::Membership RandomSchedule::everybody() const {
  return {.voters = cluster_.node_ids(), .outgoing_voters = {}, .learners = {}};
}

/// Any membership of the cluster's nodes that a leader accepts: one voter, several, learners, the leader itself.
void RandomSchedule::change_members() {
  const NodeId asked = any_node();
  if (dice_.roll(2) == 0 && cluster_.is_alive(asked)) {
    cluster_.reconfigure(asked, one_voter_away(cluster_.core(asked).status().membership));
    return;
  }
  consensus::Membership target;
  for (const NodeId node : cluster_.node_ids()) {
    const std::uint64_t part = dice_.roll(4);
    if (part < 2) {
      target.voters.push_back(node);
    } else if (part == 2) {
      target.learners.push_back(node);
    }
  }
  cluster_.reconfigure(asked, target);
}

/// Majorities of this and `from` meet by a hair, which is what M-01 is about.
consensus::Membership RandomSchedule::one_voter_away(const consensus::Membership& from) {
  const NodeId node = any_node();
  consensus::Membership target{.voters = from.voters, .outgoing_voters = {}, .learners = {}};
  if (std::erase(target.voters, node) == 0) {
    target.voters.insert(std::ranges::upper_bound(target.voters, node), node);
  }
  return target;
}

/// The disk of one node at a time loses entries that were durable, and mostly what was promised. Everybody else's
/// is whole, and they are enough to commit without it, so nothing that was committed is gone (F-D6).
void RandomSchedule::damage(NodeId node) {
  for (const NodeId each : cluster_.node_ids()) {
    if (each != node && (cluster_.loss_of(each).kind != consensus::Loss::Kind::none || is_needed(node, each))) {
      return;
    }
  }
  const Position base = cluster_.written(node).discarded.position;
  const std::uint64_t entries = cluster_.written(node).log.size();
  cluster_.damage(node, Position(base.value() + dice_.roll(entries + 1)), dice_.roll(2) == 0);
}

/// While one was damaged its leader, who did not know, has begun a change to members who can do nothing without it.
bool RandomSchedule::waits_for_damaged() const {
  return std::ranges::any_of(cluster_.node_ids(), [this](NodeId damaged) {
    return cluster_.loss_of(damaged).kind != consensus::Loss::Kind::none &&
           std::ranges::any_of(cluster_.node_ids(), [&](NodeId each) { return is_needed(damaged, each); });
  });
}

/// Nothing is committed without `node` in a membership that `witness` has in its log.
bool RandomSchedule::is_needed(NodeId node, NodeId witness) const {
  const auto is_needed_among = [this, node](const std::vector<NodeId>& voters) {
    return voters.size() <= quorum_sizes_.larger_of(voters.size()) && std::ranges::find(voters, node) != voters.end();
  };
  const auto is_needed_in = [&](const consensus::Membership& membership) {
    return is_needed_among(membership.voters) || is_needed_among(membership.outgoing_voters);
  };
  const Disk& disk = cluster_.written(witness);
  const bool has_membership = !disk.membership.voters.empty();
  return is_needed_in(has_membership ? disk.membership : cluster_.config_of(witness).initial_membership) ||
         std::ranges::any_of(disk.log, [&](const auto& slot) {
           return slot.second.kind == consensus::EntryKind::configuration &&
                  is_needed_in(consensus::decode_configuration(slot.second.payload.view())->membership);
         });
}

void RandomSchedule::restart(NodeId node) {
  cluster_.start(node);
  for (const NodeId other : cluster_.node_ids()) {
    if (other != node && cluster_.is_alive(other)) {
      cluster_.step(other, consensus::PeerUp{node, cluster_.life_of(node)});
      cluster_.step(node, consensus::PeerUp{other, cluster_.life_of(other)});
    }
  }
}

/// Cuts a node off, or ends what was cut before.
void RandomSchedule::toggle_isolation(NodeId node) {
  if (!cluster_.cut_links.empty()) {
    cluster_.cut_links.clear();
    return;
  }
  for (const NodeId other : cluster_.node_ids()) {
    cluster_.cut_links.insert({node, other});
    cluster_.cut_links.insert({other, node});
  }
}

void RandomSchedule::act(std::uint64_t die) {
  const NodeId node = any_node();
  if (die < 55) {
    if (!cluster_.network.empty()) {
      // Mostly in order, sometimes any.
      const std::size_t size = cluster_.network.size();
      cluster_.deliver(dice_.roll(3) == 0 ? dice_.roll(size) : 0);
    }
  } else if (die < 70) {
    cluster_.persist(node, 1 + dice_.roll(2));
  } else if (die < 71) {
    if (!cluster_.snapshots.empty()) {
      cluster_.send_snapshot(dice_.roll(cluster_.snapshots.size()), dice_.roll(3) != 0);
    }
  } else if (die < 72) {
    cluster_.read(node, "r");
  } else if (die < 73 && changes_members_) {
    change_members();
  } else if (die < 78) {
    cluster_.propose(node, {"v" + std::to_string(++proposals_)});
  } else if (die < 81) {
    if (cluster_.is_armed(node, TimerKind::election)) {
      cluster_.fire(node, TimerKind::election);
    }
  } else if (die < 87) {
    const TimerKind kind = cluster_.is_armed(node, TimerKind::heartbeat) ? TimerKind::heartbeat : TimerKind::retry;
    if (cluster_.is_armed(node, kind)) {
      cluster_.fire(node, kind);
    }
  } else {
    act_on_links_and_lives(die, node);
  }
}

void RandomSchedule::act_on_links_and_lives(std::uint64_t die, NodeId node) {
  if (die < 91) {
    if (!cluster_.network.empty()) {
      cluster_.network.erase(cluster_.network.begin() +
                             static_cast<std::ptrdiff_t>(dice_.roll(cluster_.network.size())));
    }
  } else if (die < 94) {
    if (!cluster_.network.empty() && cluster_.network.size() < 200) {
      cluster_.network.push_back(cluster_.network[dice_.roll(cluster_.network.size())]);
    }
  } else if (die < 96) {
    if (cluster_.is_alive(node)) {
      cluster_.crash(node, dice_.roll(3));
      if (dice_.roll(4) == 0) {
        damage(node);
      }
    } else {
      restart(node);
    }
  } else if (die < 98) {
    if (!cluster_.is_alive(node)) {
      restart(node);
    } else {
      const NodeId other = any_node();
      if (other != node) {
        cluster_.step(node, consensus::PeerDown{other, cluster_.life_of(other)});
      }
    }
  } else if (die < 99) {
    toggle_isolation(node);
  } else if (cluster_.is_alive(node) && !changes_members_) {
    cut_log(node);
  }
}

/// Where members change, who comes back gets everything from the log. Else, half of the time only what every member has
/// goes; or as far as it is committed, so that some need a snapshot.
void RandomSchedule::cut_log(NodeId node) {
  const consensus::CoreStatus status = cluster_.core(node).status();
  const Position keep = dice_.roll(2) == 0 ? status.everywhere : Position(1 + dice_.roll(status.commit.value() + 1));
  const auto entry = cluster_.written(node).log.find(std::min(keep, status.commit));
  if (entry != cluster_.written(node).log.end()) {
    cluster_.step(node, consensus::SnapshotTaken{entry->second.id, {}});
  }
}

bool RandomSchedule::is_healthy() const {
  const consensus::CoreStatus first = cluster_.core(NodeId(1)).status();
  if (first.leader.is_none() || first.commit != first.last || first.commit.is_none() ||
      first.membership != everybody()) {
    return false;
  }
  for (const NodeId node : cluster_.node_ids()) {
    const consensus::CoreStatus status = cluster_.core(node).status();
    if (status.loss.kind != consensus::Loss::Kind::none || status.leader != first.leader ||
        status.commit != first.commit || status.last != first.last) {
      return false;
    }
  }
  return true;
}

}  // namespace quorate::stories
