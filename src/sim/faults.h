#pragma once
// What goes wrong in a run: a mix drawn from the seed, so that some runs have one kind of trouble and some have all.
//
// Faults have a budget: at most a minority of nodes is down at a time, except for the power loss of all, from which the
// cluster must come back by itself. Every fault counts itself; a kind that never happened in a search is not clean.
// Or the events of a given schedule happen, and no others; what the schedule has no word for is the least that it can
// be. Owned by the run.

#include <array>
#include <cstdint>
#include <map>
#include <string_view>
#include <vector>

#include "sim/cluster.h"
#include "sim/disk_faults.h"
#include "sim/fault_schedule.h"
#include "sim/membership_operator.h"
#include "sim/random.h"

namespace quorate::sim {

using FaultCounts = std::array<std::uint64_t, kFaultCount>;

class Faults {
 public:
  /// Told when a node's life ends, so that clients know.
  class Listener {
   public:
    virtual ~Listener() = default;
    virtual void on_life_ended(std::uint32_t node) = 0;
    /// A node that refuses to start, where it should: a violation.
    virtual void on_start_failed(std::uint32_t node, const Error& why) = 0;
    virtual void on_fault(Fault fault, std::uint32_t node) = 0;
    /// The fault has struck, with these details: what a schedule needs to make it happen again.
    virtual void on_fault_event(const FaultEvent& event) = 0;
    virtual void on_backup(Result<Backup> backup) = 0;
    [[nodiscard]] virtual std::uint32_t current_leader() const = 0;  ///< some group's, 0 if none
  };

  /// Draws what goes wrong from `random`, unless there is a schedule.
  Faults(Cluster& cluster, Random random, std::optional<FaultSchedule> schedule, Listener& listener);

  /// Injects faults until `until`.
  void start(Instant until);
  /// Ends every fault and starts every node: the liveness phase begins.
  void heal();

  /// A node has stopped itself. True if its disk gave it this reason: it will be started again.
  [[nodiscard]] bool on_node_stopped(std::uint32_t node, const Error& why);

  [[nodiscard]] const FaultCounts& counts() const { return counts_; }

 private:
  /// Of a node's directory, until it is put back in its place.
  struct Copy {
    NodeDirectory directory;
    Duration until_noticed{};
  };

  void draw_mix();
  void start_ambient(const FaultEvent& event);
  void next(std::uint64_t);
  void happen(std::uint64_t number);
  void inject();
  void trouble_disk(std::uint32_t node);
  void cure_disk(std::uint64_t node);
  void damage_log(std::uint32_t node);
  void look_at_log(std::uint64_t node);
  void scatter_damage();
  void transfer_leadership();
  void change_membership();
  void take_backup(std::uint32_t node);
  // fault_links.cc
  void cut();
  void swizzle();
  void clog(std::uint64_t node);
  void unclog(std::uint64_t node);
  void swallow(std::uint32_t node);
  void heal_network(std::uint64_t);
  // fault_lives.cc
  void take_down(std::uint32_t node, bool power);
  void take_down_stopped(std::uint64_t node);
  void bring_up(std::uint64_t node);
  void loop_crashes(std::uint32_t node);
  void crash_again(std::uint64_t node);
  void lose_directory(std::uint32_t node);
  void copy_directory(std::uint32_t node);
  void put_back_copy(std::uint64_t node);
  /// Whatever this life of the node may have said, all others would know it for what it is.
  [[nodiscard]] bool is_known_to_all(std::uint32_t node);
  void begin_impostor(std::uint32_t node, NodeDirectory directory, Duration until_noticed);
  /// Begins to carry out an event; end_event() tells of it, if it came to something.
  void begin_event(FaultEvent event);
  void end_event();
  void count(std::uint32_t node = 0);
  [[nodiscard]] static Duration milliseconds(std::uint64_t count) {
    return std::chrono::milliseconds(static_cast<std::int64_t>(count));
  }
  /// A detail of the event under way: the schedule's, or drawn.
  std::uint64_t detail(std::uint64_t low, std::uint64_t high);
  [[nodiscard]] std::uint32_t draw_victim();
  [[nodiscard]] std::uint32_t random_node();

  Cluster& cluster_;
  Random random_;
  Listener& listener_;
  std::optional<FaultSchedule> schedule_;
  std::vector<Fault> enabled_;  ///< without a schedule
  FaultEvent event_;            ///< under way
  bool has_struck_ = false;     ///< the event under way came to something
  std::size_t next_detail_ = 0;
  Instant until_{};
  Duration interval_{};
  bool healed_ = false;
  FaultCounts counts_{};
  std::map<std::uint32_t, Copy> copies_;
  MembershipOperator operator_;
  DiskFaults disks_;
};

}  // namespace quorate::sim
