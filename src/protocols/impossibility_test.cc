// Fischer, Lynch and Paterson, "Impossibility of Distributed Consensus with One Faulty Process" (1985): no protocol
// decides under every schedule. Here a scheduler that is against it keeps each protocol from deciding for 10,000
// rounds, without one broken rule, though no node fails and no message is lost; and under schedules that are drawn at
// random all of 10,000 seeds decide soon.

#include <algorithm>
#include <array>
#include <random>

#include "protocols/each_protocol_for_test.h"
#include "stories/cluster.h"

namespace quorate::protocols {
namespace {

using consensus::Role;
using consensus::TimerKind;
using consensus::Vow;
using stories::Cluster;
using stories::Packet;

constexpr int kRounds = 10'000;
constexpr std::uint64_t kNodes = 3;

/// Three nodes that have just started.
class Undecided {
 public:
  explicit Undecided(const consensus::Protocol& protocol, bool pre_vote = true) : cluster_(protocol, false) {
    consensus::CoreConfig core;
    core.pre_vote = pre_vote;
    for (std::uint64_t node = 1; node <= kNodes; ++node) {
      core.initial_membership.voters.emplace_back(node);
    }
    for (std::uint64_t node = 1; node <= kNodes; ++node) {
      cluster_.add_node(NodeId(node), {.core = core});
    }
    for (std::uint64_t node = 1; node <= kNodes; ++node) {
      cluster_.start(NodeId(node));
    }
  }

  [[nodiscard]] bool leads(NodeId node) const { return cluster_.core(node).status().role == Role::leader; }
  [[nodiscard]] bool has_decided() const { return !cluster_.committed().empty() || !cluster_.decided().empty(); }
  void fire(NodeId node, TimerKind kind) {
    if (cluster_.is_armed(node, kind)) {
      cluster_.fire(node, kind);
    }
  }
  /// Delivers whatever is not `held`, until nothing else is on its way.
  template <class Held>
  void deliver_but(const Held& held) {
    for (std::size_t at = 0; at < cluster_.network.size();) {
      if (held(cluster_.network[at])) {
        ++at;
      } else {
        cluster_.deliver(at);
        at = 0;
      }
    }
  }
  /// What a proposer asks acceptors to accept.
  [[nodiscard]] bool proposes(const Packet& packet) const {
    const auto vow_of = cluster_.protocol().cores.vow_of;
    const std::optional<Vow> vow = vow_of == nullptr ? std::nullopt : vow_of(packet.message.view());
    return vow && vow->kind == Vow::Kind::proposed;
  }

  Cluster& cluster() { return cluster_; }

 private:
  Cluster cluster_;
};

class Impossibility : public ::testing::TestWithParam<const consensus::Protocol*> {};
class ImpossibilityOfCells : public ::testing::TestWithParam<const consensus::Protocol*> {};
INSTANTIATE_TEST_SUITE_P(All, Impossibility, each_ordered(), name_of_case);
INSTANTIATE_TEST_SUITE_P(All, ImpossibilityOfCells, each_of_cells(), name_of_case);

/// Who leads is not heard before somebody else leads, and then it is too late.
TEST_P(Impossibility, ALeaderIsAlwaysHeardTooLate) {
  Undecided undecided(*GetParam());
  for (int round = 0; round < kRounds; ++round) {
    const NodeId next(1 + static_cast<std::uint64_t>(round) % 2);
    for (int patience = 0; patience < 10 && !undecided.leads(next); ++patience) {
      undecided.fire(next, TimerKind::election);
      undecided.deliver_but([&](const Packet& packet) { return undecided.leads(packet.from); });
    }
    ASSERT_TRUE(undecided.leads(next)) << "round " << round;
    undecided.cluster().propose(next, {"x"});
    ASSERT_FALSE(undecided.has_decided()) << "round " << round;
  }
  EXPECT_TRUE(undecided.cluster().violations().empty()) << undecided.cluster().violations().front();
}

/// Equal time-outs: all ask at once, each votes for itself. Without pre-vote, as in the paper.
TEST_P(Impossibility, EqualTimeOutsSplitEveryVote) {
  if (!GetParam()->cores.ids_identify_prefix) {
    GTEST_SKIP() << "where ballots are ordered the highest one wins";
  }
  Undecided undecided(*GetParam(), false);
  for (int round = 0; round < kRounds; ++round) {
    for (std::uint64_t node = 1; node <= kNodes; ++node) {
      undecided.fire(NodeId(node), TimerKind::election);
    }
    undecided.deliver_but([](const Packet&) { return false; });
    for (std::uint64_t node = 1; node <= kNodes; ++node) {
      ASSERT_FALSE(undecided.leads(NodeId(node))) << "round " << round;
    }
  }
  EXPECT_EQ(undecided.cluster().core(NodeId(1)).status().tag, Tag(kRounds));
  EXPECT_TRUE(undecided.cluster().violations().empty());
}

/// Two proposers: what one proposes arrives when the other has prepared above it.
TEST_P(ImpossibilityOfCells, TwoProposersDuelForEver) {
  Undecided undecided(*GetParam());
  Cluster& cluster = undecided.cluster();
  for (int round = 0; round < kRounds; ++round) {
    const NodeId next(1 + static_cast<std::uint64_t>(round) % 2);
    if (round < 2) {
      cluster.propose(next, {"cell=" + std::to_string(round)});
    }
    const auto is_its_own = [&](const Packet& packet) { return packet.from == next && undecided.proposes(packet); };
    for (int patience = 0; patience < 10 && std::ranges::none_of(cluster.network, is_its_own); ++patience) {
      undecided.deliver_but([&](const Packet& packet) { return undecided.proposes(packet); });
      undecided.fire(next, TimerKind::retry);
      undecided.fire(next, TimerKind::election);
    }
    ASSERT_TRUE(std::ranges::any_of(cluster.network, is_its_own)) << "round " << round;
    undecided.deliver_but(is_its_own);  // the other's, too late
    ASSERT_FALSE(undecided.has_decided()) << "round " << round;
  }
  EXPECT_TRUE(cluster.violations().empty());
}

class Chance : public ::testing::TestWithParam<const consensus::Protocol*> {};
INSTANTIATE_TEST_SUITE_P(All, Chance, each(), name_of_case);

/// Any message on its way may be the next to arrive, and now and then some timer runs out.
TEST_P(Chance, DecidesSoonUnderEverySeed) {
  constexpr int kSeeds = 10'000;
  constexpr int kBound = 200;
  constexpr std::uint64_t kTimerOneIn = 12;
  int longest = 0;
  std::int64_t total = 0;
  for (int seed = 1; seed <= kSeeds; ++seed) {
    std::mt19937_64 random(static_cast<std::uint64_t>(seed));
    Undecided undecided(*GetParam());
    Cluster& cluster = undecided.cluster();
    if (!GetParam()->keeps_log()) {
      for (std::uint64_t node = 1; node <= kNodes; ++node) {
        cluster.propose(NodeId(node), {"cell=" + std::to_string(node)});
      }
    }
    int steps = 0;
    for (; steps < kBound && !undecided.has_decided(); ++steps) {
      if (!cluster.network.empty() && random() % kTimerOneIn != 0) {
        cluster.deliver(random() % cluster.network.size());
      } else {
        const TimerKind kind = std::array{TimerKind::election, TimerKind::retry, TimerKind::heartbeat}[random() % 3];
        undecided.fire(NodeId(1 + random() % kNodes), kind);
      }
    }
    ASSERT_TRUE(undecided.has_decided()) << "seed " << seed << " has not decided after " << steps << " steps";
    ASSERT_TRUE(cluster.violations().empty()) << cluster.violations().front();
    longest = std::max(longest, steps);
    total += steps;
  }
  std::printf("%s: %d seeds decided within %d steps, on average %lld\n", std::string(GetParam()->name()).c_str(),
              kSeeds, longest, static_cast<long long>(total / kSeeds));
}

}  // namespace
}  // namespace quorate::protocols
