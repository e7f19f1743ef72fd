#pragma once
// I-21 The membership that a replica uses is the latest in its own log, committed or not (thesis 4.1); in protocols
// whose ids do not identify a prefix, and which decide each slot for itself, the latest that it has committed.

#include "sim/invariants/invariant.h"
#include "sim/membership_ledger.h"

namespace quorate::sim {

class MembershipOfLog : public Invariant {
 public:
  MembershipOfLog(const MembershipLedger& memberships, bool uses_uncommitted)
      : memberships_(memberships), uses_uncommitted_(uses_uncommitted) {}
  [[nodiscard]] std::string_view id() const override { return "I-21"; }

  [[nodiscard]] std::string on_status(std::uint32_t node, GroupId group, const consensus::CoreStatus& status,
                                      Position /*executed*/) override {
    const ReplicaName replica{node, group};
    const MembershipLedger::Version& version =
        uses_uncommitted_ ? memberships_.of(replica).back() : memberships_.in_force_at(replica, status.commit);
    if (version.membership == status.membership) {
      return {};
    }
    return "node " + std::to_string(node) + " of group " + std::to_string(group.value()) +
           " does not use the membership that its log has at " + std::to_string(version.id.position.value());
  }

 private:
  const MembershipLedger& memberships_;
  const bool uses_uncommitted_;
};

}  // namespace quorate::sim
