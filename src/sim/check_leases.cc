#include "sim/check_leases.h"

#include <algorithm>
#include <map>
#include <set>

namespace quorate::sim {
namespace {

/// What clients know of one lease.
struct Lease {
  Instant kept_alive{};  ///< invocation of the last acknowledged grant or keep-alive
  Instant last_asked{};  ///< return of the last renewal that may have worked: expiry counts from here at the latest
  bool granted = false;
  bool revoke_asked = false;  ///< by a client, acknowledged or unknown
  Instant revoke_invoked = Instant::max();
  Instant revoke_returned = Instant::max();  ///< of an acknowledged revoke
};

std::string name_of(std::int64_t lease) { return "lease " + std::to_string(lease); }

std::map<std::int64_t, Lease> gather(const History& history) {
  std::map<std::int64_t, Lease> leases;
  for (const Operation& op : history.operations) {
    const bool ok = op.outcome == OperationOutcome::ok;
    switch (op.kind) {
      case OperationKind::lease_grant:
        if (op.outcome != OperationOutcome::refused) {
          Lease& lease = leases[op.argument];
          lease.granted = lease.granted || ok;
          lease.kept_alive = ok ? std::max(lease.kept_alive, op.invoked) : lease.kept_alive;
          lease.last_asked = std::max(lease.last_asked, op.returned);
        }
        break;
      case OperationKind::lease_keep_alive: {
        Lease& lease = leases[op.argument];
        if (ok && op.answer.ttl > 0) {
          lease.kept_alive = std::max(lease.kept_alive, op.invoked);
        }
        lease.last_asked = std::max(lease.last_asked, op.returned);
        break;
      }
      case OperationKind::lease_revoke:
        if (op.outcome != OperationOutcome::refused) {
          Lease& lease = leases[op.argument];
          lease.revoke_asked = true;
          lease.revoke_invoked = std::min(lease.revoke_invoked, op.invoked);
          if (ok) {
            lease.revoke_returned = std::min(lease.revoke_returned, op.returned);
          }
        }
        break;
      default: break;
    }
  }
  return leases;
}

std::string check_keep_alives(const History& history, const std::map<std::int64_t, Lease>& leases) {
  for (const Operation& op : history.operations) {
    if (op.kind != OperationKind::lease_keep_alive || op.outcome != OperationOutcome::ok || op.answer.ttl <= 0) {
      continue;
    }
    if (op.invoked > leases.at(op.argument).revoke_returned) {
      return "E-05: a keep-alive of " + name_of(op.argument) + " succeeded after its revoke was acknowledged";
    }
  }
  return "";
}

/// Deletes in the trail that no client asked for are expiries.
bool asked_for(const History& history, std::int64_t revision, const Change& change) {
  const Instant executed = history.executed_at.at(revision);
  return std::any_of(history.operations.begin(), history.operations.end(), [&](const Operation& op) {
    return op.kind == OperationKind::erase && op.outcome != OperationOutcome::refused && op.invoked <= executed &&
           in_range(change.key, op.key, op.end) && (op.outcome == OperationOutcome::unknown || op.revision == revision);
  });
}

}  // namespace

std::string check_leases(const History& history, std::int64_t ttl_seconds) {
  const std::map<std::int64_t, Lease> leases = gather(history);
  if (std::string wrong = check_keep_alives(history, leases); !wrong.empty()) {
    return wrong;
  }
  // The clock of a node may run one per cent fast: its second is a little shorter than the world's.
  const Duration ttl = Duration(std::chrono::seconds(ttl_seconds)) * 98 / 100;
  std::map<std::string, std::int64_t> attached;  // key -> lease
  for (const auto& [revision, changes] : history.trail) {
    std::set<std::int64_t> ended;
    for (const Change& change : changes) {
      if (!change.is_erase) {
        attached[change.key] = change.lease;
        continue;
      }
      const std::int64_t lease_id = attached[change.key];
      attached.erase(change.key);
      const auto lease = leases.find(lease_id);
      if (lease_id == 0 || lease == leases.end() || asked_for(history, revision, change)) {
        continue;
      }
      ended.insert(lease_id);
      // A keep-alive that succeeds after the end, at a leader that no longer led (E-04), shows here too.
      const Instant executed = history.executed_at.at(revision);
      if (executed < lease->second.kept_alive + ttl && lease->second.revoke_invoked > executed) {
        return "E-03: " + change.key + " went with " + name_of(lease_id) + " at revision " + std::to_string(revision) +
               " before its time ran out";
      }
    }
    for (const auto& [key, lease] : attached) {
      if (ended.contains(lease)) {
        return "I-61: " + key + " stayed when " + name_of(lease) + " was revoked at revision " +
               std::to_string(revision);
      }
    }
  }
  for (const auto& [key, lease_id] : attached) {
    const auto lease = leases.find(lease_id);
    if (lease_id == 0 || lease == leases.end()) {
      continue;
    }
    const bool revoked = lease->second.revoke_returned != Instant::max();
    const bool long_over = history.ended > lease->second.last_asked + std::chrono::seconds(3 * ttl_seconds);
    if (revoked || long_over) {
      return "I-61: " + key + " is still there although " + name_of(lease_id) +
             (revoked ? " was revoked" : " ran out long ago");
    }
  }
  return "";
}

}  // namespace quorate::sim
