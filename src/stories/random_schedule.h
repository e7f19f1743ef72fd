#pragma once
// A random schedule over few replicas of one protocol: timers at any moment, lost, repeated and late messages, crashes
// that lose any suffix of unconfirmed writes, members that come and go, snapshots. The cluster checks its invariants at
// every step; afterwards a healed cluster must elect a leader, have everybody as a member, and commit.
//
// Invariant: one seed, one schedule. Owned by one test, on its thread.

#include <cstdint>
#include <string>

#include "stories/cluster.h"

namespace quorate::stories {

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

enum class Quorums : std::uint8_t {
  majorities,
  any_that_fit,  ///< of a protocol that takes their sizes
};
[[nodiscard]] quorum::PhaseSizes roll_quorum_sizes(Quorums quorums, std::uint64_t voters, Dice& dice);

class RandomSchedule {
 public:
  /// `words`: what happens is written down.
  RandomSchedule(const consensus::Protocol& protocol, std::uint64_t seed, bool words,
                 Quorums quorums = Quorums::majorities);

  void run(int steps);
  /// Everything is repaired. Empty if all is well in the end, else what is not.
  [[nodiscard]] std::string heal();

  [[nodiscard]] Cluster& cluster() { return cluster_; }

 private:
  [[nodiscard]] consensus::Membership everybody() const;
  void change_members();
  consensus::Membership one_voter_away(const consensus::Membership& from);
  NodeId any_node() { return NodeId(1 + dice_.roll(count_)); }
  void damage(NodeId node);
  [[nodiscard]] bool waits_for_damaged() const;
  [[nodiscard]] bool is_needed(NodeId node, NodeId witness) const;
  void restart(NodeId node);
  void toggle_isolation(NodeId node);
  void act(std::uint64_t die);
  void act_on_links_and_lives(std::uint64_t die, NodeId node);
  void cut_log(NodeId node);
  [[nodiscard]] bool is_healthy() const;

  Dice dice_;
  Cluster cluster_;
  std::uint64_t count_;
  quorum::PhaseSizes quorum_sizes_;
  std::uint64_t proposals_ = 0;
  bool changes_members_ = false;
};

}  // namespace quorate::stories
