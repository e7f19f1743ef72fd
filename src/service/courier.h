#pragma once
// Carries items between the services of one group: batches a turn's items for a node into one message, and takes each
// message of another node at most once.
//
// Invariants: 1. nothing is sent to a life of a node that this one did not hear from: a greeting comes first, so that a
//                message repeated later, to a newer life, is refused there. 2. each message is taken at most once.
//             3. items of a message that the links did not take are reported by on_not_sent, in order.
// Owned by the group's service, on the loop.

#include <map>
#include <vector>

#include "base/bytes.h"
#include "base/ids.h"
#include "codec/writer.h"
#include "service/parts.h"
#include "service/service_message.h"

namespace quorate::service {

class CourierEvents {
 public:
  virtual ~CourierEvents() = default;
  /// `message` holds the item's bytes.
  virtual void on_item(NodeId from, Incarnation life, const Item& item, const Buffer& message) = 0;
  /// The node can be sent to from now on.
  virtual void on_reachable(NodeId node) = 0;
  /// This item surely did not leave.
  virtual void on_not_sent(NodeId to, const Item& item) = 0;
};

class Courier {
 public:
  static constexpr std::size_t kMaxBatchBytes = 1U << 20;  ///< a message is closed beyond this

  Courier(Parts& parts, CourierEvents& events) : parts_(parts), events_(events) {}

  /// True if items may be sent to `node`; else greets it (on_reachable may follow).
  [[nodiscard]] bool can_send(NodeId node);
  /// Adds an item to the turn's message; only if can_send().
  void send(NodeId to, const Item& item);
  /// An answer to a node that asked in its life `life`; given up if the node is in another by now.
  void reply(NodeId to, Incarnation life, const Item& item);

  void on_message(NodeId from, const Buffer& message);
  void on_peer_down(NodeId node);

 private:
  struct Session {
    Incarnation life;                 ///< of the other node; none: not known
    std::uint64_t next_sequence = 1;  ///< never given twice in this life
    SequenceWindow seen;              ///< of its messages to this life
    Incarnation seen_of;              ///< the life that `seen` counts
    codec::Writer batch;
    std::vector<Item> items;  ///< in `batch`, without their bytes
    bool is_queued = false;
    Instant greeted;  ///< not again within a while
  };

  void greet(NodeId node, Session& session);
  void welcome(NodeId node, Session& session);
  void flush(NodeId node, Session& session);
  void flush_all(std::uint64_t);
  /// Notes the life of `from`. False if it is older than one heard of.
  [[nodiscard]] bool note_life(NodeId from, Session& session, Incarnation life);

  Parts& parts_;
  CourierEvents& events_;
  std::map<NodeId, Session> sessions_;
  std::vector<NodeId> queued_;  ///< sessions with items, in order of their first
};

}  // namespace quorate::service
