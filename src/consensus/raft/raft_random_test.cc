// Random schedules over few replicas: timers at any moment, lost, repeated and late messages, crashes that lose any
// suffix of unconfirmed writes. Invariants are checked by the cluster; afterwards a healed cluster must elect and
// commit.

#include <algorithm>
#include <cstdlib>

#include <gtest/gtest.h>

#include "base/plant.h"
#include "consensus/contract/membership_codec.h"
#include "consensus/raft/raft.h"
#include "stories/cluster.h"

namespace quorate::raft {
namespace {

using consensus::TimerKind;
using stories::Cluster;

/// SplitMix64: the same numbers everywhere.
class Dice {
 public:
  explicit Dice(std::uint64_t seed) : state_(seed) {}
  std::uint64_t roll(std::uint64_t sides) {
    std::uint64_t x = (state_ += 0x9E3779B97F4A7C15ULL);
    x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9ULL;
    x = (x ^ (x >> 27)) * 0x94D049BB133111EBULL;
    return (x ^ (x >> 31)) % sides;
  }

 private:
  std::uint64_t state_;
};

class Chaos {
 public:
  Chaos(std::uint64_t seed, bool words) : dice_(seed), cluster_(protocol(), words), count_(dice_.roll(3) == 0 ? 5 : 3) {
    Cluster::Options options;
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

  void run(int steps) {
    // Some clusters live in peace most of the time and get far, in others everything happens at once.
    const std::uint64_t peace = 1 + dice_.roll(4);
    for (int i = 0; i < steps && cluster_.violations().empty(); ++i) {
      const std::uint64_t die = dice_.roll(100);
      act(die >= 78 && dice_.roll(peace) != 0 ? die % 78 : die);
    }
  }

  /// Everything is repaired; then somebody leads, everybody is a member again, and they commit.
  void heal() {
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
        return;
      }
      for (const NodeId node : cluster_.node_ids()) {
        cluster_.fire(node, TimerKind::retry);
      }
      for (const NodeId node : cluster_.node_ids()) {
        cluster_.fire(node, TimerKind::heartbeat);
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
    if (!cluster_.violations().empty() || waits_for_damaged()) {
      return;
    }
    ADD_FAILURE() << "not healed: " << cluster_.status_words(NodeId(1)) << "\n"
                  << cluster_.status_words(NodeId(2)) << "\n"
                  << cluster_.status_words(NodeId(3));
  }

  [[nodiscard]] const Cluster& cluster() const { return cluster_; }
  Cluster& cluster() { return cluster_; }

 private:
  [[nodiscard]] consensus::Membership everybody() const {
    return {.voters = cluster_.node_ids(), .outgoing_voters = {}, .learners = {}};
  }

  /// Any membership of the cluster's nodes that a leader accepts: one voter, several, learners, the leader itself.
  void change_members() {
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
  consensus::Membership one_voter_away(const consensus::Membership& from) {
    const NodeId node = any_node();
    consensus::Membership target{.voters = from.voters, .outgoing_voters = {}, .learners = {}};
    if (std::erase(target.voters, node) == 0) {
      target.voters.insert(std::ranges::upper_bound(target.voters, node), node);
    }
    return target;
  }

  /// The disk of one node at a time loses entries that were durable, and mostly what was promised. Everybody else's
  /// is whole, and they are enough to commit without it, so nothing that was committed is gone (F-D6).
  void damage(NodeId node) {
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
  [[nodiscard]] bool waits_for_damaged() const {
    return std::ranges::any_of(cluster_.node_ids(), [this](NodeId damaged) {
      return cluster_.loss_of(damaged).kind != consensus::Loss::Kind::none &&
             std::ranges::any_of(cluster_.node_ids(), [&](NodeId each) { return is_needed(damaged, each); });
    });
  }

  /// Nothing is committed without `node` in a membership that `witness` has in its log.
  [[nodiscard]] bool is_needed(NodeId node, NodeId witness) const {
    const auto is_needed_among = [node](const std::vector<NodeId>& voters) {
      return voters.size() < 3 && std::ranges::find(voters, node) != voters.end();
    };
    const auto is_needed_in = [&](const consensus::Membership& membership) {
      return is_needed_among(membership.voters) || is_needed_among(membership.outgoing_voters);
    };
    const stories::Disk& disk = cluster_.written(witness);
    return is_needed_in(disk.membership) || std::ranges::any_of(disk.log, [&](const auto& slot) {
             return slot.second.kind == consensus::EntryKind::configuration &&
                    is_needed_in(consensus::decode_configuration(slot.second.payload.view())->membership);
           });
  }

  NodeId any_node() { return NodeId(1 + dice_.roll(count_)); }

  void restart(NodeId node) {
    cluster_.start(node);
    for (const NodeId other : cluster_.node_ids()) {
      if (other != node && cluster_.is_alive(other)) {
        cluster_.step(other, consensus::PeerUp{node, cluster_.life_of(node)});
        cluster_.step(node, consensus::PeerUp{other, cluster_.life_of(other)});
      }
    }
  }

  /// Cuts a node off, or ends what was cut before.
  void toggle_isolation(NodeId node) {
    if (!cluster_.cut_links.empty()) {
      cluster_.cut_links.clear();
      return;
    }
    for (const NodeId other : cluster_.node_ids()) {
      cluster_.cut_links.insert({node, other});
      cluster_.cut_links.insert({other, node});
    }
  }

  void act(std::uint64_t die) {
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
      if (cluster_.is_armed(node, TimerKind::heartbeat)) {
        cluster_.fire(node, TimerKind::heartbeat);
      }
    } else if (die < 91) {
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
      // Where members change, who comes back gets everything from the log. Else, half of the time only what every
      // member has goes; or as far as it is committed, so that some need a snapshot.
      const consensus::CoreStatus status = cluster_.core(node).status();
      const Position keep =
          dice_.roll(2) == 0 ? status.everywhere : Position(1 + dice_.roll(status.commit.value() + 1));
      const auto entry = cluster_.written(node).log.find(std::min(keep, status.commit));
      if (entry != cluster_.written(node).log.end()) {
        cluster_.step(node, consensus::SnapshotTaken{entry->second.id, {}});
      }
    }
  }

  [[nodiscard]] bool is_healthy() const {
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

  Dice dice_;
  Cluster cluster_;
  std::uint64_t count_;
  std::uint64_t proposals_ = 0;
  bool changes_members_ = false;
};

std::uint64_t from_environment(const char* variable, std::uint64_t otherwise) {
  const char* text = std::getenv(variable);
  return text == nullptr ? otherwise : std::strtoull(text, nullptr, 10);
}

TEST(raft_random, schedules_break_no_invariant_and_heal) {
#ifdef QUORATE_PLANTS
  const char* plant = std::getenv("QUORATE_PLANT");
  activate_plant(plant == nullptr ? "" : plant);
#endif
  std::size_t committed = 0;
  std::set<std::string_view> branches;
  const std::uint64_t runs = from_environment("QUORATE_RAFT_RUNS", 120);
  const std::uint64_t first = from_environment("QUORATE_RAFT_SEED", 1);
  for (std::uint64_t seed = first; seed < first + runs; ++seed) {
    SCOPED_TRACE("QUORATE_RAFT_SEED=" + std::to_string(seed) + " QUORATE_RAFT_RUNS=1");
    Chaos chaos(seed, runs == 1);
    chaos.run(1500);
    chaos.heal();
    if (runs == 1) {
      for (const stories::Happening& happening : chaos.cluster().take_happenings()) {
        std::printf("%s\n", stories::line_of(happening).c_str());
      }
    }
    ASSERT_TRUE(chaos.cluster().violations().empty()) << chaos.cluster().violations().front();
    if (HasFailure()) {
      return;
    }
    committed += chaos.cluster().committed().size();
    branches.insert(chaos.cluster().branches().begin(), chaos.cluster().branches().end());
  }
  // Schedules in which nothing happens prove nothing.
  if (runs >= 100) {
    EXPECT_GT(committed / runs, 8U);
    EXPECT_GT(branches.size(), 35U);
  }
}

}  // namespace
}  // namespace quorate::raft
