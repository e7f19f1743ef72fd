#pragma once
// Brings back payloads that the node's log has lost to damage, before the replicas that need them begin: whoever has
// the same entry has the same bytes. So each entry may be lost on some node, as long as it is whole on another (C-15).
//
//   who lacks payloads                           another node
//   PayloadQuestion{entries}         -------->   looks into its log, whether its own replica waits or runs
//   its log notes size and checksum  <--------   PayloadAnswer{entry, payload}, one for each that it has
//   gives up, if nobody sends any    <--------   PayloadNeedless, if it does not have one, and goes on without
//   for a while from then on
//
// Invariants: 1. a payload is taken only if the log has noted its size and checksum.
//             2. `mended` is told when all that a group lacked is durable.
//             3. a question is repeated until it is mended or needless, however long that takes: while nobody goes on
//                without it, what is lost here may be what decides.
//             4. at most kMostAskedAtOnce payloads are owed to all others.
// Owned by a host, on its loop. docs/decisions/damaged-logs.md tells why nobody else is needed for that.

#include <deque>
#include <map>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "base/callback.h"
#include "base/ids.h"
#include "group/mend_message.h"
#include "group/node_parts.h"
#include "storage/log.h"

namespace quorate::group {

/// What the mender asks its host, and tells it.
class MenderOwner {
 public:
  virtual ~MenderOwner() = default;
  /// This node's replica of the group needs neither the entry nor who asks for it: it has executed that position, has
  /// an entry of a later tag there or at its log's end, or follows or is a leader.
  [[nodiscard]] virtual bool goes_on_without(GroupId group, const EntryId& entry, NodeId asking) const = 0;
  /// Here are all payloads that the group lacked, in the order of its entries.
  virtual void on_mended(GroupId group, std::span<const storage::LogEntry> entries) = 0;
  virtual void on_needless(GroupId group) = 0;
};

class Mender {
 public:
  struct Pace {
    Duration ask_every;
    Duration patience;  ///< so long others may still send what somebody has called needless
  };

  Mender(Pace pace, NodeParts& node, MenderOwner& owner) : pace_(pace), node_(node), owner_(owner) {}
  ~Mender() { stop(); }
  Mender(const Mender&) = delete;
  Mender& operator=(const Mender&) = delete;

  /// The log has these entries of the group, with rising positions, without payloads.
  void lacks(GroupId group, std::vector<storage::LogEntry> entries);
  /// There is nobody to ask.
  void forget() { gaps_.clear(); }
  [[nodiscard]] bool is_mending(GroupId group) const { return gaps_.contains(group); }
  /// Begins to ask, whoever is or will be linked.
  void start();
  void stop();

  void on_peer_up(NodeId node);
  void on_message(NodeId from, GroupId group, const MendMessage& message);

 private:
  /// Of one group.
  struct Gap {
    std::vector<storage::LogEntry> entries;
    std::vector<bool> is_there;  ///< by entry: its payload is, and is in the log
    std::size_t missing = 0;
    std::uint64_t last_frame = 0;           ///< of the log, that has one of them
    std::optional<Instant> needless_since;  ///< somebody has said so, and no payload has come since
  };
  struct Debt {
    NodeId to;
    GroupId group;
    EntryId entry;
  };

  void ask_again(std::uint64_t);
  void ask(NodeId node, GroupId group, const Gap& gap);
  void answer(NodeId from, GroupId group, const PayloadQuestion& question);
  void take(NodeId from, GroupId group, const PayloadAnswer& answer);
  void note_needless(GroupId group);
  template <class Condition>
  [[nodiscard]] std::optional<GroupId> find_gap(Condition condition) const;
  void end_mended();
  void end_needless();
  void pay_debts();
  void on_fetched(std::uint64_t, Status status);
  [[nodiscard]] bool send(NodeId to, GroupId group, const MendMessage& message);
  void trace(std::string_view name, GroupId group, std::uint64_t number) {
    node_.traces.trace({name, group.value(), number});
  }

  const Pace pace_;
  NodeParts& node_;
  MenderOwner& owner_;
  std::map<GroupId, Gap> gaps_;
  std::deque<Debt> debts_;
  bool is_fetching_ = false;  ///< the first debt's payload
  bool is_stopped_ = false;
  env::TimerId timer_ = 0;
  std::vector<storage::LogEntry> read_;  ///< memory used again
};

}  // namespace quorate::group
