#pragma once
// Tells a run as lanes: what was sent and arrived, what disks were given and keep, why roles changed, what clients were
// told, what went wrong.
//
// Invariants: 1. telling changes nothing: a run is the same with and without. 2. lines are printed as things happen, so
// that a run which ends in an assertion has told everything up to it.
// A lane shows the role in the group that the run has, or in the first of several. Owned by the run.

#include <deque>
#include <functional>
#include <map>
#include <string>

#include "sim/fault_schedule.h"
#include "sim/history.h"
#include "sim/watched_core.h"
#include "stories/lanes.h"
#include "stories/words.h"

namespace quorate::sim {

/// What a teller needs that only the caller knows: the protocol's words, and where lines go.
struct Story {
  /// Empty: routine, that is left out.
  std::function<std::string(ByteView message)> message_words;
  stories::StateWords state_words;
  stories::CellWords cell_words;
  stories::Lanes::Print print;
};

class Teller {
 public:
  Teller(const Story& story, std::uint32_t nodes, std::uint32_t groups);

  /// What comes now happens at `now`.
  void set_time(Instant now);
  void on_core_start(const ReplicaName& replica, const consensus::PersistedState& state);
  void on_core_effect(const ReplicaName& replica, const consensus::Effect& effect);
  void on_core_receive(const ReplicaName& replica, const consensus::Receive& receive);
  void on_core_durable(const ReplicaName& replica, Io io);
  void on_events(const ReplicaName& replica, std::int64_t revision, std::span<const kv::Event> events);
  void on_fault(Fault fault, std::uint32_t node);
  void on_life_ended(std::uint32_t node);
  void on_operation(GroupId group, const Operation& operation);
  void say(const std::string& text);
  /// What every disk keeps for certain.
  void tell_disks();

 private:
  /// What a replica's disk keeps: the tags of its log, its small state.
  struct Kept {
    Buffer state;
    EntryId base;
    std::map<Position, Tag> log;
    void apply(const consensus::Persist& write);
  };
  [[nodiscard]] std::string kept_words(const ReplicaName& replica);
  [[nodiscard]] std::string group_words(GroupId group) const;
  void tell(stories::Happening::Kind kind, const ReplicaName& replica, std::string text, NodeId other = {});

  Story story_;
  std::uint32_t groups_;
  stories::Lanes lanes_;
  std::string when_;
  std::map<ReplicaName, std::deque<consensus::Persist>> writes_;  ///< not durable yet
  std::map<ReplicaName, Kept> kept_;
};

}  // namespace quorate::sim
