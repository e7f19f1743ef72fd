// Every crash of a small log, and many of larger ones: after each step of the disk, every legal state of it is replayed
// into recovery. I-51: what was confirmed, and a prefix of the rest. I-52: recovery is idempotent, crashed or not.

#include <cstdio>
#include <functional>
#include <map>
#include <random>
#include <set>
#include <string>
#include <unordered_set>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "base/plant.h"
#include "storage/crash_states_test.h"
#include "storage/log_random_replica_test.h"
#include "storage/log_test_node.h"

namespace quorate::storage {
namespace {

constexpr std::size_t kAllUpTo = 10;    // choices of one crash of which every combination is looked at
constexpr std::size_t kFewUpTo = 4;     // the same for crashes in the middle of a recovery
constexpr std::size_t kViolations = 3;  // are enough

using Groups = std::map<GroupId, GroupModel>;

/// What was promised of one group at a moment: at least `confirmed`, at most `appended` of its states.
struct Promise {
  std::size_t confirmed = 0;
  std::size_t appended = 0;
  friend auto operator<=>(const Promise&, const Promise&) = default;
};
using Promises = std::map<GroupId, Promise>;

/// A moment at which the power may go.
struct Moment {
  TestDisk disk;
  Promises promises;
};

struct Counts {
  std::uint64_t moments = 0;
  std::uint64_t states = 0;       ///< different ones
  std::uint64_t torn = 0;         ///< of which recovery cut a tail
  std::uint64_t uncertain = 0;    ///< of which it could not tell whether the tail was confirmed
  std::uint64_t in_recovery = 0;  ///< states of crashes in the middle of a recovery
};

/// Recovers crash states and collects what is wrong with the outcome.
class Examiner {
 public:
  Examiner(const LogOptions& options, const std::map<GroupId, LogNode::History>& histories, std::uint64_t seed)
      : options_(options), histories_(histories), random_(seed) {}

  /// All states of all moments; of each `every`-th also the crashes of its recovery.
  void examine(const std::vector<Moment>& moments, std::size_t all_up_to, std::size_t samples, std::uint64_t every) {
    for (const Moment& moment : moments) {
      ++counts.moments;
      promises_ = &moment.promises;
      CrashStates(moment.disk).visit(all_up_to, samples, random_, [&](const TestDisk& disk) {
        if (is_new(disk)) {
          examine_state(disk, counts.states % every == 0);
        }
      });
      // A killed process leaves the page cache: what the next one reads of it must be durable before it is acted on.
      examine_state(moment.disk, counts.moments % 8 == 0);
      if (violations.size() >= kViolations) {
        return;
      }
    }
  }

  Counts counts;
  std::vector<std::string> violations;

 private:
  struct Outcome {
    Groups groups;
    bool uncertain = false;
  };

  [[nodiscard]] bool is_new(const TestDisk& disk) {
    Hasher hasher;
    hasher.add(hash_of(disk));
    for (const auto& [group, promise] : *promises_) {
      hasher.add(promise.confirmed);
    }
    return seen_.insert(hasher.value()).second;
  }

  void examine_state(const TestDisk& disk, bool with_crashes_of_recovery) {
    ++counts.states;
    std::vector<TestDisk> steps;
    TestDisk after;
    const std::optional<Outcome> first = recover(disk, with_crashes_of_recovery ? &steps : nullptr, &after);
    if (!first.has_value() || !keeps_promises(first->groups)) {
      return;
    }
    const bool was_synced = CrashStates(disk).size() == 0;
    for (const TestDisk& step : steps) {
      CrashStates(step).visit(kFewUpTo, 16, random_, [&](const TestDisk& crashed) {
        ++counts.in_recovery;
        const std::optional<Outcome> second = recover(crashed, nullptr, nullptr);
        if (second.has_value() && was_synced && second->groups != first->groups) {
          violate("a recovery after a crash in the middle of one gives something else", crashed);
        } else if (second.has_value()) {
          (void)keeps_promises(second->groups);
        }
      });
    }
    if (with_crashes_of_recovery) {
      go_on(disk, first->groups);
    }
    // The node acts on what it was given: no crash may take it back.
    CrashStates(after).visit(kFewUpTo, 8, random_, [&](const TestDisk& crashed) {
      const std::optional<Outcome> second = recover(crashed, nullptr, nullptr);
      if (second.has_value() && (second->groups != first->groups || second->uncertain != first->uncertain)) {
        violate("a second recovery gives something else than the first had reported", crashed);
      }
    });
  }

  std::optional<Outcome> recover(const TestDisk& disk, std::vector<TestDisk>* steps, TestDisk* after) {
    LogNode node(options_);
    node.disk = disk;
    if (steps != nullptr) {
      node.on_step = [&node, steps] { steps->push_back(node.disk); };
    }
    const Status opened = node.open();
    if (!opened.has_value()) {
      violate("the log does not open: " + opened.error().text, disk);
      return std::nullopt;
    }
    counts.torn += node.recovery.torn_bytes != 0 ? 1 : 0;
    counts.uncertain += node.recovery.uncertain_tail ? 1 : 0;
    Outcome outcome{.uncertain = node.recovery.uncertain_tail};
    for (const RecoveredGroup& group : node.recovery.groups) {
      outcome.groups[group.group] = GroupModel::of(group);
    }
    node.kill();
    if (after != nullptr) {
      *after = node.disk;
    }
    return outcome;
  }

  /// The next life of the node fills more than a segment. A crash at its end takes nothing of it.
  void go_on(const TestDisk& disk, Groups expected) {
    constexpr std::uint64_t kNewGroup = 99;
    LogNode node(options_);
    node.disk = disk;
    if (!node.open().has_value()) {
      violate("the log does not open once more", disk);
      return;
    }
    for (std::uint64_t i = 1; i <= 12; ++i) {
      const LogOp op = put_op(i, 1, std::string(900, static_cast<char>('A' + i)));
      expected[GroupId(kNewGroup)].apply(op);
      node.append(kNewGroup, {op});
      node.settle();
    }
    node.kill();
    CrashStates(node.disk).visit(kFewUpTo, 4, random_, [&](const TestDisk& crashed) {
      const std::optional<Outcome> later = recover(crashed, nullptr, nullptr);
      if (later.has_value() && later->groups != expected) {
        violate("a later life's confirmed writes are not there", crashed);
      }
    });
  }

  bool keeps_promises(const Groups& found) {
    for (const auto& [id, promise] : *promises_) {
      const std::vector<GroupModel>& states = histories_.at(id).states;
      const auto group = found.find(id);
      const GroupModel model = group == found.end() ? GroupModel{} : group->second;
      const auto first = states.begin() + static_cast<std::ptrdiff_t>(promise.confirmed);
      const auto last = states.begin() + static_cast<std::ptrdiff_t>(promise.appended) + 1;
      if (std::find(first, last, model) == last) {
        violations.push_back("group " + std::to_string(id.value()) + " holds " + model.text() + "\nconfirmed was " +
                             first->text() + "\nappended was " + std::prev(last)->text());
        return false;
      }
    }
    return true;
  }

  void violate(const std::string& what, const TestDisk& disk) {
    std::string names;
    for (const auto& [path, content] : disk.files) {
      names += " " + path + ":" + std::to_string(content.current().size());
    }
    violations.push_back(what + "\nfiles:" + names);
  }

  const LogOptions options_;
  const std::map<GroupId, LogNode::History>& histories_;
  std::mt19937_64 random_;
  std::unordered_set<std::uint64_t> seen_;
  const Promises* promises_ = nullptr;
};

/// A log at work, of which every moment is kept.
class Workload {
 public:
  explicit Workload(const LogOptions& options) : node_(options) {}

  /// Begins the first life. False: the log did not open.
  bool start() {
    node_.on_step = [this] { keep_moment(); };
    return start_life();
  }
  /// Without a memory: only the moment of the end counts.
  bool start_unobserved() { return start_life(); }
  void append(std::uint64_t group, std::vector<LogOp> ops) { node_.append(group, std::move(ops)); }
  /// Completes up to so many calls of the disk.
  void turn(int completions) {
    node_.loop.end_turn();
    for (int i = 0; i < completions && node_.files->complete_one(); ++i) {
      node_.loop.end_turn();
    }
  }
  void settle() { node_.settle(); }
  void be_quiet() {
    node_.loop.pass(std::chrono::milliseconds(500));
    settle();
  }
  /// The process is killed, and another starts over what it left.
  bool restart() {
    node_.kill();
    return start_life();
  }
  /// The process is killed. What it left is the last moment.
  void end() {
    node_.kill();
    keep_moment();
  }
  [[nodiscard]] LogNode& node() { return node_; }
  [[nodiscard]] const std::vector<Moment>& moments() const { return moments_; }

 private:
  bool start_life() {
    if (!node_.open().has_value()) {
      return false;
    }
    keep_moment();
    return true;
  }
  void keep_moment() {
    Promises promises;
    for (const auto& [id, history] : node_.histories) {
      Promise& promise = promises[id];
      promise.appended = history.states.size() - 1;
      while (promise.confirmed + 1 < history.ios.size() && history.ios[promise.confirmed + 1] <= history.confirmed) {
        ++promise.confirmed;
      }
    }
    moments_.push_back({node_.disk, std::move(promises)});
  }

  LogNode node_;
  std::vector<Moment> moments_;
};

LogOptions tiny_log() {
  return {.segment_bytes = 8U << 10, .spare_segments = 1, .cache_bytes = 1U << 10, .rewrite_from_segments = 3};
}

/// Everything that a log does, in few writes: batches of several groups, rolling to the next segment, moving the
/// records of an idle group, giving segments up and using them again, marks, restarts. False: a life did not begin.
/// Ends early when the log has failed.
bool live_a_small_life(Workload& log) {
  log.append(2, {state_op("idle"), cell_op("k", "v")});
  log.append(3, {reset_op(9, 2, 1, "members"), put_op(10, 2, "idle")});
  std::uint64_t position = 0;
  std::uint64_t tag = 1;
  for (int i = 0; i < 90 && !log.node().failure.has_value(); ++i) {
    for (int more = i % 4; more >= 0; --more) {
      log.append(1, {put_op(++position, tag, std::string(90 + 150 * (i % 5), static_cast<char>('a' + i % 26)))});
    }
    if (i % 5 == 1) {
      log.append(2, {cell_op("k", std::to_string(i))});
    }
    if (i % 6 == 3) {
      log.append(1, {discard_op(position - 2, tag, "members " + std::to_string(i))});
    }
    if (i % 9 == 7) {
      ++tag;
      log.append(1, {state_op("term " + std::to_string(tag)), truncate_op(position), put_op(position, tag, "other")});
    }
    log.turn(i % 4);
    if (i % 8 == 5) {
      log.settle();
    }
    if (i == 40) {
      log.be_quiet();
      if (log.node().failure.has_value() || !log.restart()) {
        return log.node().failure.has_value();
      }
    }
  }
  log.append(1, {reset_op(100, ++tag, 2, "after a snapshot"), put_op(101, tag, std::string(700, 'z'))});
  log.settle();
  log.be_quiet();
  return true;
}

void use_plant_of_the_environment() {
#ifdef QUORATE_PLANTS
  const char* plant = std::getenv("QUORATE_PLANT");
  activate_plant(plant == nullptr ? "" : plant);
#endif
}

void report(const char* what, const Examiner& examiner) {
  const Counts& counts = examiner.counts;
  std::printf("%s: %llu moments, %llu crash states (%llu torn, %llu uncertain), %llu in a recovery\n", what,
              static_cast<unsigned long long>(counts.moments), static_cast<unsigned long long>(counts.states),
              static_cast<unsigned long long>(counts.torn), static_cast<unsigned long long>(counts.uncertain),
              static_cast<unsigned long long>(counts.in_recovery));
  for (const std::string& violation : examiner.violations) {
    ADD_FAILURE() << violation;
  }
}

TEST(LogCrashStates, EveryStateOfASmallLifeRecovers) {  // C-01 C-05 C-10, F-D1 F-D2 F-D3, I-51 I-52 I-53
  use_plant_of_the_environment();
  Workload log(tiny_log());
  ASSERT_TRUE(log.start());
  ASSERT_TRUE(live_a_small_life(log));
  ASSERT_GT(log.node().log->stats().recycled_segments, 0U);
  ASSERT_GT(log.node().log->stats().rewritten_bytes, 0U);
  Examiner examiner(tiny_log(), log.node().histories, 1);
  examiner.examine(log.moments(), kAllUpTo, 1U << kAllUpTo, 193);
  report("a small life", examiner);
  EXPECT_GT(examiner.counts.states, 2000U);
  EXPECT_GT(examiner.counts.torn, 500U);
  EXPECT_GT(examiner.counts.in_recovery, 1000U);
}

TEST(LogCrashStates, SampledStatesOfLongerLivesRecover) {  // F-D1 F-D2 F-D3, F-P4, I-51 I-52
  use_plant_of_the_environment();
  for (std::uint64_t seed = 1; seed <= 6 && !HasFailure(); ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    std::mt19937_64 random(seed);
    LogOptions options = tiny_log();
    options.segment_bytes = (8U << 10) << (seed % 3);
    Workload log(options);
    ASSERT_TRUE(log.start());
    RandomReplica busy(log.node(), 1, seed);
    RandomReplica idle(log.node(), 2, seed + 100);
    for (int i = 0; i < 150; ++i) {
      (random() % 8 != 0 ? busy : idle).append_something();
      if (random() % 3 != 0) {
        log.turn(static_cast<int>(random() % 3));
      }
      if (random() % 40 == 0) {
        log.be_quiet();
        ASSERT_TRUE(log.restart());
      }
    }
    Examiner examiner(options, log.node().histories, seed);
    examiner.examine(log.moments(), 3, 6, 97);
    report("a longer life", examiner);
    EXPECT_GT(examiner.counts.states, 300U);
  }
}

/// Which violations the same examination finds when the disk does not keep its word.
std::size_t violations_with_a_liar(bool names, bool writes) {
  Workload log(tiny_log());
  log.node().lies_about_names = names;
  log.node().lies_about_writes = writes;
  if (!log.start() || !live_a_small_life(log)) {
    return 0;
  }
  Examiner examiner(tiny_log(), log.node().histories, 1);
  examiner.examine(log.moments(), 4, 16, 1000);
  return examiner.violations.size();
}

TEST(LogCrashStates, ADiskThatLiesIsFound) {  // the examination can fail
  EXPECT_GT(violations_with_a_liar(true, false), 0U) << "syncs of directories did nothing";
  EXPECT_GT(violations_with_a_liar(false, true), 0U) << "syncs of files did nothing";
}

/// What came of one life in which one call failed.
enum class AfterFailure : std::uint8_t { not_reached, did_not_open, stopped, went_on };

AfterFailure fail_one_call(const TestFailure& failure) {
  Workload log(tiny_log());
  LogNode& node = log.node();
  node.failure_to_come = failure;
  const bool opened = log.start_unobserved() && live_a_small_life(log);
  const bool reached = node.saw_failure();
  const std::uint64_t writes = node.files == nullptr ? 0 : node.files->begun_writes;
  if (node.failure.has_value()) {
    EXPECT_EQ(node.failure->code, failure.code);
    EXPECT_EQ(node.confirmations, node.confirmations_at_failure) << "confirmed after a failed write";
    EXPECT_EQ(writes, node.writes_at_failure) << "a write was begun after one had failed";
  }
  node.failure_to_come = {};
  log.end();
  Examiner examiner(tiny_log(), node.histories, failure.at);
  examiner.examine({log.moments().back()}, 6, 12, 50);
  for (const std::string& violation : examiner.violations) {
    ADD_FAILURE() << violation;
  }
  if (!reached) {
    return AfterFailure::not_reached;
  }
  return !opened                    ? AfterFailure::did_not_open
         : node.failure.has_value() ? AfterFailure::stopped
                                    : AfterFailure::went_on;
}

void fail_each_call(ErrorCode code, bool only_allocations, std::map<AfterFailure, int>& outcomes) {
  for (std::uint64_t at = 1; !::testing::Test::HasFailure(); ++at) {
    SCOPED_TRACE("call " + std::to_string(at));
    const AfterFailure outcome = fail_one_call({.at = at, .code = code, .only_allocations = only_allocations});
    if (outcome == AfterFailure::not_reached) {
      break;
    }
    ++outcomes[outcome];
  }
  std::printf("a failed call: %d refused to open, %d stopped, %d went on\n", outcomes[AfterFailure::did_not_open],
              outcomes[AfterFailure::stopped], outcomes[AfterFailure::went_on]);
}

TEST(LogCrashStates, AnErrorOfAnyCallStopsAtOnceAndLosesNothing) {  // C-04, F-D4 F-D5
  std::map<AfterFailure, int> outcomes;
  fail_each_call(ErrorCode::io, false, outcomes);
  EXPECT_GT(outcomes[AfterFailure::did_not_open], 10);
  EXPECT_GT(outcomes[AfterFailure::stopped], 50);
}

TEST(LogCrashStates, AFullDiskAtAnyAllocationLosesNothing) {  // C-09, F-D9
  std::map<AfterFailure, int> outcomes;
  fail_each_call(ErrorCode::no_space, true, outcomes);
  EXPECT_GT(outcomes[AfterFailure::did_not_open], 2);
  EXPECT_GT(outcomes[AfterFailure::stopped] + outcomes[AfterFailure::went_on], 2);
}

}  // namespace
}  // namespace quorate::storage
