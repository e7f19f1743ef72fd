#pragma once
// What a leader knows of one follower, and how much it may send: probe until the logs are known to meet, then a window.
//
//                accepted                                    rejected, before the own log begins
//     probe ------------------> replicate          probe ------------------------------------------> snapshot
//           <------------------                          <------------------------------------------
//       rejected, stalled, link up                  delivered or not; accepted behind the log's begin
//
// Invariants: 1. match < next (I-15). 2. match never falls while the follower lives. 3. in flight are at most
//                window_messages appends and window_entries entries, but at least one append.
// A value inside a leader's state.

#include <cstddef>
#include <cstdint>

#include "base/fifo.h"
#include "base/hash.h"
#include "base/ids.h"

namespace quorate::raft {

struct Window {
  std::size_t messages = 0;
  std::size_t entries = 0;
};

class Progress {
 public:
  enum class Mode : std::uint8_t {
    probe,      ///< one append at a time, to find where the logs meet
    replicate,  ///< appends follow each other without waiting, `next` runs ahead
    snapshot,   ///< it needs what the log no longer has: nothing is appended until a snapshot's end is told
  };

  Progress(NodeId node, Position next) : node_(node), next_(next) {}

  [[nodiscard]] NodeId node() const { return node_; }
  [[nodiscard]] Mode mode() const { return mode_; }
  /// Everything up to here is durable at the follower and equals the leader's log.
  [[nodiscard]] Position match() const { return match_; }
  /// The next position to send.
  [[nodiscard]] Position next() const { return next_; }
  [[nodiscard]] bool has_in_flight() const { return !in_flight_.empty(); }

  /// True if an append may be sent now.
  [[nodiscard]] bool may_send(const Window& window) const;
  /// How many entries the next append may carry: 1 or more.
  [[nodiscard]] std::uint64_t room(const Window& window) const;

  /// An append up to `last` was sent; `last` is next - 1 for one without entries.
  void on_sent(Position last);
  /// The follower has everything up to `match`. False: it had told more before.
  bool on_accepted(Position match);
  /// True if a rejection of `rejected` tells something new; else it is late.
  [[nodiscard]] bool is_news(Position rejected) const;
  /// Starts again from `next`, one append at a time.
  void probe_from(Position next);
  /// A snapshot is on its way.
  void await_snapshot();
  /// What was sent from `first` on never left: it is sent again. If a message was only shortened that may happen at
  /// once; if nothing of it left (queue full, link down), after the next sign of life.
  void on_send_dropped(Position first);
  /// The follower lost everything volatile: what it was known to have must be shown again.
  void on_restarted();
  /// A sign of life: a probe that was not answered may be repeated.
  void resume() { paused_ = false; }

  /// Called with every regular heartbeat: notices when appends in flight are no longer answered.
  void on_heartbeat_tick();
  /// True once after two heartbeats without progress, with appends in flight.
  [[nodiscard]] bool take_stalled();

  bool counts = true;                    ///< false: it has lost what it promised, so no majority is made with it
  std::uint64_t acknowledged_round = 0;  ///< the last heartbeat round that the follower answered
  Position commit_sent;                  ///< the last commit position that it was told
  Position awaited;                      ///< the last position for whose commit a client of its own waits

  void hash_into(Hasher& hasher) const;

 private:
  [[nodiscard]] std::uint64_t entries_in_flight() const { return next_.value() - 1 - match_.value(); }

  NodeId node_;
  Mode mode_ = Mode::probe;
  Position match_;
  Position next_;
  struct Range {
    Position first;
    Position last;
  };
  Fifo<Range> in_flight_;  ///< of each append sent in mode replicate, rising
  bool paused_ = false;    ///< probe sent, or send dropped: wait for a sign of life
  bool stalled_ = false;
  Position match_at_tick_;
  bool in_flight_at_tick_ = false;
};

}  // namespace quorate::raft
