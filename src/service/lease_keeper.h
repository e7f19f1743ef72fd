#pragma once
// When leases expire, on the node that leads: in memory alone, renewed without the log.
//
// Invariants: 1. a lease is never due before its whole time to live has passed since it was granted, renewed, or this
//                node began to lead. 2. renewing costs O(log n): the heap learns of it when the old time comes.
//             3. a lease is handed out for revocation once, until giving it back.
// Facts: section 2.9 of etcd's facts. Owned by the group's Leases, on the loop; reads no clock.

#include <cstdint>
#include <map>
#include <span>
#include <vector>

#include "base/time.h"
#include "state/kv/store.h"

namespace quorate::service {

class LeaseKeeper {
 public:
  static constexpr std::size_t kMany = 1000;
  static constexpr std::int64_t kExpiriesPerSecond = 750;

  enum class State : std::uint8_t { unknown, live, expiring };
  struct View {
    State state = State::unknown;
    std::int64_t granted_ttl = 0;    ///< seconds
    std::int64_t remaining_ttl = 0;  ///< whole seconds, rounded down, not negative
  };

  /// Begins to lead: every lease gets its full time and `grace`. Of many no more than kExpiriesPerSecond end in any
  /// second, else all that were granted together would end together.
  void start(std::span<const kv::LeaseInfo> leases, Instant now, Duration grace);
  void stop();

  void on_granted(const kv::LeaseInfo& lease, Instant now);
  void on_revoked(std::int64_t id) { leases_.erase(id); }

  /// A live lease gets its full time again.
  View renew(std::int64_t id, Instant now);
  [[nodiscard]] View look(std::int64_t id, Instant now) const;

  /// Appends up to `max` leases whose time is over and marks them as expiring, the longest overdue first.
  void take_expired(Instant now, std::size_t max, std::vector<std::int64_t>& ids);
  /// The revocation had no effect: the lease may be taken again.
  void give_back(std::int64_t id);
  /// This node stood still for `lost`: what clients sent meanwhile was not seen, so what ran out in that time gets it
  /// once more.
  void forgive(Instant now, Duration lost);

  [[nodiscard]] std::size_t size() const { return leases_.size(); }
  /// Ids by expiry, then by id.
  [[nodiscard]] std::vector<std::int64_t> by_expiry() const;

 private:
  struct Lease {
    std::int64_t ttl = 0;
    Instant due;
    bool is_expiring = false;
  };
  struct Due {
    Instant due;
    std::int64_t id = 0;
    friend auto operator<=>(const Due&, const Due&) = default;
  };

  void push(Instant due, std::int64_t id);
  void spread();
  /// The next lease that is due, not in the heap any more; null if none is.
  [[nodiscard]] Lease* pop_due(Instant now, std::int64_t& id);

  std::map<std::int64_t, Lease> leases_;
  std::vector<Due> heap_;  ///< the earliest on top; an entry may be earlier than its lease's due, never later
};

}  // namespace quorate::service
