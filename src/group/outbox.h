#pragma once
// What a replica sends: adds the attached entries to each message and hands it to the links.
//
// Invariants: 1. messages to one node leave in the order in which they were given; one whose entries come back from the
//                disk holds up those behind it, never those to other nodes. 2. what was attached is exactly what the
//                core named, or its beginning if it is too large; else nothing is sent. 3. whatever was not sent of an
//                attachment is reported by take_dropped(), in a later turn than the send, so that a core which sends
//                again at once cannot spin.
// Owned by the replica's runtime, on the node's loop. `wake` is called when take_dropped() has something.

#include <deque>
#include <string>
#include <vector>

#include "base/callback.h"
#include "consensus/contract/effect.h"
#include "group/node_parts.h"

namespace quorate::group {

class Outbox {
 public:
  Outbox(GroupId group, NodeParts& node, const ReplicaLimits& limits, Callback<> wake)
      : group_(group), node_(node), limits_(limits), wake_(wake) {}
  ~Outbox() { stop(); }
  Outbox(const Outbox&) = delete;
  Outbox& operator=(const Outbox&) = delete;

  void send(consensus::Send message);
  /// Appends what was not sent since the last call.
  void take_dropped(std::vector<consensus::SendDropped>& out);
  /// Nothing is sent any more.
  void stop();

 private:
  /// The messages to one node that wait for entries from the disk.
  struct Lane {
    NodeId to;
    bool fetching = false;
    std::deque<consensus::Send> parked;
  };
  enum class Attempt : std::uint8_t { finished, needs_disk };

  [[nodiscard]] Lane& lane_of(NodeId node);
  [[nodiscard]] Attempt attempt(const consensus::Send& message, Position& missing);
  /// Collects the attached entries into entries_, at most the bound of a message.
  [[nodiscard]] Attempt collect(const consensus::Attach& attach, Position& missing);
  void hand_over(const consensus::Send& message);
  void park(Lane& lane, consensus::Send message);
  void fetch(Lane& lane, Position missing);
  void drop(NodeId to, Position first, Position last);
  void on_fetched(std::uint64_t lane, Status fetched);
  void on_next_turn(std::uint64_t);

  GroupId group_;
  NodeParts& node_;
  const ReplicaLimits& limits_;
  Callback<> wake_;
  std::deque<Lane> lanes_;  ///< one per node ever sent to; few
  std::vector<consensus::SendDropped> dropped_;
  env::TimerId next_turn_ = 0;
  bool stopped_ = false;
  std::vector<storage::LogEntry> entries_;  // memory used again by every message
  std::vector<Buffer> parts_;
  std::string scratch_;
};

}  // namespace quorate::group
