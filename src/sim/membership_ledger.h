#pragma once
// Which memberships every replica's log holds, as its core wrote them: what invariants of the membership are checked
// against.
//
// Invariants: 1. a replica's versions rise in their positions; the first is what its log begins with. 2. a dead replica
// keeps what it had; its next life begins with what recovery found.
// Owned by a run.

#include <map>
#include <optional>
#include <utility>
#include <vector>

#include "sim/watched_core.h"

namespace quorate::sim {

class MembershipLedger {
 public:
  struct Version {
    EntryId id;
    consensus::Membership membership;
    friend bool operator==(const Version&, const Version&) = default;
  };
  using Versions = std::vector<Version>;

  /// `founders`: of a log that begins with nothing.
  explicit MembershipLedger(consensus::Membership founders) : founders_(std::move(founders)) {}

  void start(const ReplicaName& replica, const consensus::PersistedState& state);
  void write(const ReplicaName& replica, const consensus::Persist& persist) { apply(persist, logs_.at(replica)); }

  [[nodiscard]] const Versions& of(const ReplicaName& replica) const { return logs_.at(replica); }
  /// The latest after that write, if that one is another than before.
  [[nodiscard]] std::optional<Version> new_latest(const ReplicaName& replica, const consensus::Persist& persist) const;
  /// The latest at or below `position`, or what the log begins with.
  [[nodiscard]] const Version& in_force_at(const ReplicaName& replica, Position position) const;

 private:
  static void apply(const consensus::Persist& persist, Versions& versions);

  consensus::Membership founders_;
  std::map<ReplicaName, Versions> logs_;
};

}  // namespace quorate::sim
