// What a put costs in the simulated world when nothing goes wrong, to the microsecond and to the message: a sync takes
// 1 ms, a hop 0.5 ms (facts: performance section 4).

#include <map>
#include <vector>

#include <gtest/gtest.h>

#include "protocols/each_protocol_for_test.h"
#include "sim/cluster.h"
#include "sim/requests.h"

namespace quorate::sim {
namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;

constexpr Duration kSync = milliseconds(1);
constexpr Duration kHop = microseconds(500);
const GroupId kGroup(1);

class PutCostTest : public ::testing::TestWithParam<const consensus::Protocol*>,
                    public TraceSink,
                    public ReplicaObserver {
 public:
  PutCostTest() : settings_(settings_of(*GetParam())), cluster_(settings_, Random(7).split("cluster"), *this, *this) {
    cluster_.network().behaviour.delay_min = cluster_.network().behaviour.delay_max = kHop;
    for (std::uint32_t node = 1; node <= cluster_.node_count(); ++node) {
      DiskBehaviour& disk = cluster_.node(node).disk().behaviour;
      disk.latency_min = disk.latency_max = kSync;
    }
    EXPECT_TRUE(cluster_.start_all().has_value());
    while (leader_ == 0) {
      cluster_.step(Instant::max());
    }
    put();
    run_until_quiet();
  }

  void trace(const TraceEvent&) override {}
  void on_events(std::uint32_t, GroupId, std::int64_t, std::span<const kv::Event>) override {}
  void on_replaced(std::uint32_t, GroupId, std::int64_t) override {}
  void on_role(std::uint32_t node, GroupId, const consensus::RoleChanged& change) override {
    leader_ = change.to == consensus::Role::leader ? node : leader_;
  }
  void on_core_start(const ReplicaName&, const consensus::PersistedState&) override {}
  void on_core_effect(const ReplicaName&, const consensus::Effect&, const consensus::Core&) override {}
  void on_core_durable(const ReplicaName&, Io) override {}
  void on_node_stopped(std::uint32_t, const Error& why) override { FAIL() << why.text; }

  /// Puts and, answered, puts again until `puts_left_` are done.
  void begin_put() {
    ++asked_;
    (void)cluster_.node(leader_).service(kGroup).put(put_request("k" + std::to_string(asked_), std::string(256, 'v')),
                                                     cluster_.node(leader_).now() + std::chrono::seconds(60),
                                                     service::AnswerTo::to<&PutCostTest::on_answer>(this));
  }
  void on_answer(std::uint64_t, const service::Answer& answer) {
    EXPECT_EQ(answer.outcome, service::Outcome::ok);
    ++answered_;
    if (asked_ < wanted_) {
      begin_put();
    }
  }
  /// One put, from receipt to answer.
  void put() {
    wanted_ = asked_ + 1;
    begin_put();
    run_until_answered();
  }
  void run_until_answered() {
    while (answered_ < wanted_) {
      cluster_.step(Instant::max());
    }
  }
  /// Until no message was sent for a while: a heartbeat has just passed.
  void run_until_quiet() {
    for (std::uint64_t before = 0; before != chunks();) {
      before = chunks();
      for (const Instant until = cluster_.now() + milliseconds(10); cluster_.step(until);) {
      }
    }
  }
  [[nodiscard]] std::uint64_t chunks() { return cluster_.network().counters.chunks; }
  [[nodiscard]] std::vector<std::uint64_t> syncs() {
    std::vector<std::uint64_t> all;
    for (std::uint32_t node = 1; node <= cluster_.node_count(); ++node) {
      all.push_back(cluster_.node(node).disk().counters.syncs);
    }
    return all;
  }
  [[nodiscard]] Position commit() { return cluster_.node(leader_).host().replica(kGroup).status().commit; }

 protected:
  static NodeSettings settings_of(const consensus::Protocol& protocol) {
    NodeSettings settings;
    settings.group_count = 1;
    settings.factory = protocol.cores;
    settings.core.commit_notice_delay = milliseconds(2);
    settings.log.segment_bytes = 1U << 20;
    return settings;
  }

  const NodeSettings settings_;
  std::uint32_t leader_ = 0;
  std::uint64_t asked_ = 0, answered_ = 0, wanted_ = 0;
  Cluster cluster_;
};
INSTANTIATE_TEST_SUITE_P(All, PutCostTest, protocols::each_ordered(), protocols::name_of_case);

/// The leader's disk works while the entry travels and the followers' disks do (thesis 10.2.1): a hop, a sync, a hop.
TEST_P(PutCostTest, FromReceiptToCommitAreTwoMillisecondsExactly) {
  const Instant received = cluster_.now();
  const Position before = commit();
  wanted_ = asked_ + 1;
  begin_put();
  while (commit() == before) {
    cluster_.step(Instant::max());
  }
  EXPECT_EQ(cluster_.now() - received, milliseconds(2));
  run_until_answered();
  EXPECT_EQ(cluster_.now() - received, milliseconds(2)) << "execution and answer take no time of their own";
}

TEST_P(PutCostTest, OnePutIsOneSyncANodeAndOneMessageToAndFromEachFollower) {
  const std::vector<std::uint64_t> before = syncs();
  const std::uint64_t sent = chunks();
  put();
  EXPECT_EQ(chunks() - sent, 4U);
  for (std::uint32_t node = 0; node < cluster_.node_count(); ++node) {
    EXPECT_EQ(syncs()[node] - before[node], 1U) << "n" << node + 1;
  }
}

TEST_P(PutCostTest, AThousandInFlightShareSyncsAndMessages) {
  constexpr std::uint64_t kInFlight = 1000;
  constexpr std::uint64_t kPuts = 10'000;
  const std::vector<std::uint64_t> before = syncs();
  const std::uint64_t sent = chunks();
  wanted_ = asked_ + kPuts;
  for (std::uint64_t i = 0; i < kInFlight; ++i) {
    begin_put();
  }
  run_until_answered();
  for (std::uint32_t node = 0; node < cluster_.node_count(); ++node) {
    EXPECT_LE((syncs()[node] - before[node]) * 50, kPuts) << "at least 50 records a sync, n" << node + 1;
  }
  EXPECT_LE((chunks() - sent) * 10, kPuts) << "at most a tenth of a message a put";
}

}  // namespace
}  // namespace quorate::sim
