#pragma once
// What this node knows of its group's leader, and which time-out error tells a client the most.
//
// Invariants: 1. it decides nothing that safety needs: a write is safe by the core, a read by its round.
// Facts: the choice among the time-out errors, section 3 of etcd's facts. Owned by the group's service, on the loop.

#include <map>

#include "base/ids.h"
#include "base/time.h"
#include "consensus/contract/core.h"
#include "consensus/contract/effect.h"
#include "service/kv_service.h"

namespace quorate::service {

class Leadership {
 public:
  Leadership(NodeId self, Duration election_timeout) : self_(self), election_timeout_(election_timeout) {}

  void on_status(const consensus::CoreStatus& status, Instant now);
  void on_role_changed(const consensus::RoleChanged& change, Instant now);
  /// The link to `node` was found down.
  void on_link_down(NodeId node, Instant now) { last_down_[node] = now; }

  [[nodiscard]] bool is_leader() const { return role_ == consensus::Role::leader; }
  [[nodiscard]] bool has_leader() const { return !leader_.is_none(); }
  [[nodiscard]] NodeId leader() const { return leader_; }
  [[nodiscard]] Tag tag() const { return tag_; }

  /// For a request that began at `began` and reached its deadline.
  [[nodiscard]] Outcome choose_time_out(Instant began) const;

 private:
  [[nodiscard]] bool was_down_since(NodeId node, Instant since) const;
  [[nodiscard]] bool lost_quorum_since(Instant since) const;
  void set_leader(NodeId leader, Instant now);

  const NodeId self_;
  const Duration election_timeout_;
  consensus::Role role_ = consensus::Role::follower;
  Tag tag_;
  NodeId leader_;
  NodeId last_leader_;  ///< the last one that was known
  Tag last_leader_tag_;
  Instant elected_;               ///< when the last known leader became known
  std::size_t member_count_ = 0;  ///< voters, as far as status told
  std::map<NodeId, Instant> last_down_;
};

}  // namespace quorate::service
