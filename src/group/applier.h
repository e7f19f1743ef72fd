#pragma once
// Executes the committed entries of one replica, in order and once each.
//
// Invariants: 1. nothing above committed() is executed. 2. an entry that is pending is asked again before anything
//                behind it; what it waits for never blocks the loop. 3. one turn executes at most a slice: a long
//                catch-up does not hold up heartbeats. 4. payloads come from the log's cache, and return to it from
//                the disk if needed.
// Owned by the replica's runtime, on the node's loop. After a wait it calls `resume`, where the runtime runs it again.

#include <vector>

#include "base/callback.h"
#include "base/ids.h"
#include "consensus/contract/entry.h"
#include "group/node_parts.h"
#include "group/proposals.h"
#include "state/state_machine.h"
#include "storage/log.h"

namespace quorate::group {

class Applier {
 public:
  Applier(GroupId group, NodeParts& node, const ReplicaLimits& limits, state::StateMachine& machine,
          Proposals& proposals, Position executed, Callback<> resume);
  ~Applier() { stop(); }
  Applier(const Applier&) = delete;
  Applier& operator=(const Applier&) = delete;

  /// Everything up to `up_to` is committed.
  void commit(Position up_to);
  /// Executes until everything committed was, the slice is used up, or an entry must wait. Appends to `replaced` the
  /// proposals whose place was taken by another entry.
  void run(std::vector<Context>& replaced);
  /// The state machine's state was replaced by the one at `position`.
  void reset(Position position);
  void stop();

  [[nodiscard]] Position committed() const { return committed_; }
  [[nodiscard]] Position executed() const { return executed_; }
  [[nodiscard]] bool is_waiting() const { return waiting_ != Waiting::nothing; }

 private:
  /// What the next entry waits for. A wake-up for anything else (a machine that asked for several records hears of
  /// each) is ignored.
  enum class Waiting : std::uint8_t { nothing, record, disk, next_turn };

  /// False: pending.
  [[nodiscard]] bool execute(const storage::LogEntry& entry);
  void configure(const storage::LogEntry& entry);
  void fetch();
  void wait_for_next_turn();
  void wake(Waiting from);
  void on_ready(std::uint64_t);
  void on_fetched(std::uint64_t, Status fetched);
  void on_next_turn(std::uint64_t);

  GroupId group_;
  NodeParts& node_;
  const ReplicaLimits& limits_;
  state::StateMachine& machine_;
  Proposals& proposals_;
  Callback<> resume_;
  Position committed_;
  Position executed_;
  Waiting waiting_ = Waiting::nothing;
  bool stopped_ = false;
  env::TimerId next_turn_ = 0;
  std::vector<storage::LogEntry> slice_;  ///< empty between runs
};

}  // namespace quorate::group
