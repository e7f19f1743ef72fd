#pragma once
// I-23 A replica that cuts a change of the membership off its log, or has another entry put in its place, uses from the
// same step on what its log has without it (thesis 4.1). Of protocols whose ids identify a prefix: in others nobody
// uses what is not committed.

#include "sim/invariants/invariant.h"
#include "sim/membership_ledger.h"

namespace quorate::sim {

class RollbackRestoresMembership : public Invariant {
 public:
  explicit RollbackRestoresMembership(const MembershipLedger& memberships) : memberships_(memberships) {}
  [[nodiscard]] std::string_view id() const override { return "I-23"; }

  [[nodiscard]] std::string on_effect(const ReplicaName& replica, const consensus::Effect& effect,
                                      const consensus::Core& core) override {
    const auto* persist = std::get_if<consensus::Persist>(&effect);
    if (persist == nullptr) {
      return {};
    }
    const MembershipLedger::Version& before = memberships_.of(replica).back();
    const std::optional<MembershipLedger::Version> now = memberships_.new_latest(replica, *persist);
    if (!now || now->id.position > before.id.position || now->membership == core.status().membership) {
      return {};
    }
    return "node " + std::to_string(replica.node) + " of group " + std::to_string(replica.group.value()) +
           " no longer has the change at " + std::to_string(before.id.position.value()) +
           " in its log, and does not use what stood before it";
  }

 private:
  const MembershipLedger& memberships_;
};

}  // namespace quorate::sim
