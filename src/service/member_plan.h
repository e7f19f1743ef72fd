#pragma once
// What a wish to change the membership amounts to on the leader: the next membership, or why it is refused.
//
// The checks are those of etcd's --strict-reconfig-check: a change must leave a quorum that has started and is linked
// (etcd's facts, section 2.10). A voter that is added begins as a learner that the leader promotes by itself, so that
// no quorum ever waits for a process that nobody has started yet. The quorums' sizes must fit whoever votes then. Pure.

#include <functional>
#include <span>

#include "consensus/contract/core.h"
#include "consensus/contract/entry.h"
#include "service/kv_service.h"
#include "service/member_change.h"

namespace quorate::service {

/// What the leader knows when it decides.
struct MemberView {
  consensus::Membership membership;  ///< in force; not joint
  quorum::PhaseSizes quorum_sizes;
  Position commit;
  std::vector<consensus::Contact> contacts;
  std::vector<consensus::MemberProgress> progress;
  std::function<bool(NodeId)> has_started;  ///< it has said its name and client URLs
  std::function<bool(NodeId)> is_linked;    ///< true for self
};

struct MemberPlan {
  Outcome refusal = Outcome::ok;
  consensus::Membership target;
  std::vector<consensus::Contact> contacts;  ///< of all who are members before or after, rising
};

/// True if `committed` shows that the change was made, by whomever; false if it does not, or cannot (`update`).
[[nodiscard]] bool has_happened(const MemberChange& change, const consensus::Membership& committed);

[[nodiscard]] MemberPlan plan_member_change(const MemberChange& change, const MemberView& view);

}  // namespace quorate::service
