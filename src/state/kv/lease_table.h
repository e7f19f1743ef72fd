#pragma once
// The granted leases and the keys attached to them. Time does not run here: the leader's service counts it.
//
// Invariants: 1. an entry's lease() is L iff lease L's keys hold the entry. 2. only live keys are attached.
// 3. leases are ordered by id, keys by their bytes: what comes out is the same on every replica.
// Owned by the store.

#include <cstdint>
#include <map>
#include <set>
#include <vector>

#include "state/kv/key_entry.h"
#include "state/kv/store.h"

namespace quorate::kv {

class LeaseTable {
 public:
  /// False if the id is in use.
  bool grant(std::int64_t id, std::int64_t ttl) { return leases_.try_emplace(id, Lease{ttl, {}}).second; }
  [[nodiscard]] bool contains(std::int64_t id) const { return leases_.contains(id); }
  /// Forgets the lease; its keys must have been detached.
  void revoke(std::int64_t id) { leases_.erase(id); }

  /// Moves the key to lease `id`; 0 detaches it.
  void attach(KeyEntry& entry, std::int64_t id);
  /// The keys of a lease in ascending order; empty if it is unknown.
  [[nodiscard]] std::vector<KeyEntry*> keys(std::int64_t id) const;

  [[nodiscard]] bool find(std::int64_t id, LeaseInfo& out) const;
  [[nodiscard]] std::vector<LeaseInfo> all() const;
  void clear() { leases_.clear(); }

 private:
  struct ByKey {
    bool operator()(const KeyEntry* a, const KeyEntry* b) const { return a->key() < b->key(); }
  };
  struct Lease {
    std::int64_t ttl = 0;
    std::set<KeyEntry*, ByKey> keys;
  };
  std::map<std::int64_t, Lease> leases_;
};

}  // namespace quorate::kv
