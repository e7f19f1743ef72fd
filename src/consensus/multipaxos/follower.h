#pragma once
// What a leader knows of one other member, and how much it may send: every slot of its ballot that the member has not
// accepted, in whatever order, within a window.
//
// Invariants: 1. what was accepted is never forgotten while the follower lives. 2. in flight are at most
// window_messages
//                messages and window_entries slots, but at least one message. 3. a slot that was sent and is not
//                answered is sent again only when messages are known, or after two heartbeats supposed, to be lost.
// Slots are independent: a lost message holds up no other. What was decided before this ballot is not sent, the
// follower asks for it. A value inside a leader's state.

#include <cstddef>
#include <cstdint>

#include "base/fifo.h"
#include "base/hash.h"
#include "base/ids.h"
#include "consensus/multipaxos/tag_runs.h"

namespace quorate::multipaxos {

struct Window {
  std::size_t messages = 0;
  std::size_t entries = 0;
};

class Follower {
 public:
  /// Further behind what a follower knows to be decided nothing is sent to it, and it takes nothing: a log has no such
  /// gaps.
  static constexpr std::uint64_t kMaxAhead = 1ULL << 16;

  Follower(NodeId node, Position next) : node_(node), next_(next) {}

  [[nodiscard]] NodeId node() const { return node_; }
  /// Everything up to here is durable at the follower, or known by it to be decided.
  [[nodiscard]] Position match() const { return accepted_.end_from(decided_.next()); }
  [[nodiscard]] bool has(Position slot) const { return slot <= decided_ || accepted_.at(slot).has_value(); }
  /// The last slot up to which it has all from `slot` on; the one before `slot` if it lacks that.
  [[nodiscard]] Position end_from(Position slot) const {
    return accepted_.end_from(slot <= decided_ ? decided_.next() : slot);
  }
  [[nodiscard]] bool has_in_flight() const { return !in_flight_.empty(); }
  [[nodiscard]] bool has_told() const { return has_told_; }

  /// The first slot from where sending goes on that it is not known to have, but not below `lowest`.
  [[nodiscard]] Position next_to_send(Position lowest);
  /// True if a message that begins with `slot` may be sent now.
  [[nodiscard]] bool may_send(Position slot, const Window& window) const;
  /// How many slots it may carry: 1 or more.
  [[nodiscard]] std::uint64_t room(const Window& window) const;

  void on_sent(Position first, Position last);
  /// False: it had told all of that before.
  bool on_accepted(Position first, Position last);
  void on_decided(Position decided);
  /// What was sent from `first` to `last` never left. If a message was only shortened it may be sent again at once; if
  /// nothing of it left (queue full, link down), after the next sign of life.
  void on_send_dropped(Position first, Position last);
  /// The follower lost everything volatile: what is not known to be decided for good must be shown again.
  void on_restarted(Position chosen);
  /// A sign of life.
  void resume() { paused_ = false; }

  /// Called with every regular heartbeat: notices when nothing in flight is answered any more.
  void on_heartbeat_tick();
  /// True once after two heartbeats without an answer to anything in flight: all of it may be sent again.
  [[nodiscard]] bool take_stalled();

  std::uint64_t acknowledged_round = 0;  ///< the last heartbeat round that the follower answered
  Position noted;                        ///< durably known by it to be decided
  Position decided_sent;                 ///< the last that it was told to be decided
  Position awaited;                      ///< the last position for which a client of its own waits

  void hash_into(Hasher& hasher) const;

 private:
  struct Range {
    Position first;
    Position last;
  };

  NodeId node_;
  Position next_;
  Position decided_;  ///< as it told last
  TagRuns accepted_;  ///< behind decided_
  Fifo<Range> in_flight_;
  std::uint64_t entries_in_flight_ = 0;
  bool has_told_ = false;
  bool paused_ = false;    ///< a send was dropped: wait for a sign of life
  bool answered_ = false;  ///< something in flight, since the last heartbeat
  bool was_in_flight_ = false;
  bool stalled_ = false;
};

}  // namespace quorate::multipaxos
