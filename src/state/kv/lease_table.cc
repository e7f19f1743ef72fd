#include "state/kv/lease_table.h"

#include "base/plant.h"

namespace quorate::kv {

void LeaseTable::attach(KeyEntry& entry, std::int64_t id) {
  const std::int64_t old = entry.lease();
  if (old == id) {
    return;
  }
  if (old != 0 && !QUORATE_PLANT(lease_detach_forgotten)) {
    if (const auto lease = leases_.find(old); lease != leases_.end()) {
      lease->second.keys.erase(&entry);
    }
  }
  if (const auto lease = leases_.find(id); lease != leases_.end()) {
    lease->second.keys.insert(&entry);
  }
  entry.set_lease(id);
}

std::vector<KeyEntry*> LeaseTable::keys(std::int64_t id) const {
  const auto lease = leases_.find(id);
  return lease == leases_.end() ? std::vector<KeyEntry*>()
                                : std::vector<KeyEntry*>(lease->second.keys.begin(), lease->second.keys.end());
}

bool LeaseTable::find(std::int64_t id, LeaseInfo& out) const {
  const auto lease = leases_.find(id);
  if (lease == leases_.end()) {
    return false;
  }
  out = {id, lease->second.ttl};
  return true;
}

std::vector<LeaseInfo> LeaseTable::all() const {
  std::vector<LeaseInfo> result;
  result.reserve(leases_.size());
  for (const auto& [id, lease] : leases_) {
    result.push_back({id, lease.ttl});
  }
  return result;
}

}  // namespace quorate::kv
