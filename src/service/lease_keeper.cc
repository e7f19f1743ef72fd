#include "service/lease_keeper.h"

#include <algorithm>
#include <functional>

#include "base/plant.h"

namespace quorate::service {
namespace {

constexpr std::int64_t kForeverSeconds = 3'000'000'000;  ///< beyond this the monotonic clock would overflow

Instant due_after(Instant now, std::int64_t ttl) { return now + std::chrono::seconds(std::min(ttl, kForeverSeconds)); }

}  // namespace

void LeaseKeeper::start(std::span<const kv::LeaseInfo> leases, Instant now, Duration grace) {
  stop();
  heap_.reserve(leases.size());
  for (const kv::LeaseInfo& lease : leases) {
    const Instant due = QUORATE_PLANT(lease_expires_early) ? now : due_after(now + grace, lease.granted_ttl);
    leases_.emplace_hint(leases_.end(), lease.id, Lease{lease.granted_ttl, due, false});
    heap_.push_back({due, lease.id});
  }
  if (heap_.size() > kMany) {
    spread();
  }
  std::ranges::make_heap(heap_, std::greater<>());
}

/// Moves expiries back, never forward, until each is far enough behind the one before.
void LeaseKeeper::spread() {
  constexpr Duration kApart = std::chrono::nanoseconds(std::chrono::seconds(1)) / kExpiriesPerSecond;
  std::ranges::sort(heap_);
  Instant next = heap_.front().due;
  for (Due& one : heap_) {
    one.due = std::max(one.due, next);
    leases_.at(one.id).due = one.due;
    next = one.due + kApart;
  }
}

void LeaseKeeper::stop() {
  leases_.clear();
  heap_.clear();
}

void LeaseKeeper::push(Instant due, std::int64_t id) {
  heap_.push_back({due, id});
  std::ranges::push_heap(heap_, std::greater<>());
}

void LeaseKeeper::on_granted(const kv::LeaseInfo& lease, Instant now) {
  const Instant due = due_after(now, lease.granted_ttl);
  leases_[lease.id] = Lease{lease.granted_ttl, due, false};
  push(due, lease.id);
}

LeaseKeeper::View LeaseKeeper::renew(std::int64_t id, Instant now) {
  const auto found = leases_.find(id);
  if (found != leases_.end() && !found->second.is_expiring) {
    found->second.due = std::max(found->second.due, due_after(now, found->second.ttl));
  }
  return look(id, now);
}

LeaseKeeper::View LeaseKeeper::look(std::int64_t id, Instant now) const {
  const auto found = leases_.find(id);
  if (found == leases_.end()) {
    return {};
  }
  const Lease& lease = found->second;
  const auto remaining = std::chrono::duration_cast<std::chrono::seconds>(lease.due - now).count();
  return {lease.is_expiring ? State::expiring : State::live, lease.ttl, std::max<std::int64_t>(remaining, 0)};
}

LeaseKeeper::Lease* LeaseKeeper::pop_due(Instant now, std::int64_t& id) {
  while (!heap_.empty() && heap_.front().due <= now) {
    const Due top = heap_.front();
    std::ranges::pop_heap(heap_, std::greater<>());
    heap_.pop_back();
    const auto found = leases_.find(top.id);
    if (found == leases_.end() || found->second.is_expiring) {
      continue;  // revoked since, or a second entry of a lease granted anew
    }
    if (found->second.due > now) {
      push(found->second.due, top.id);  // renewed since
      continue;
    }
    id = top.id;
    return &found->second;
  }
  return nullptr;
}

void LeaseKeeper::take_expired(Instant now, std::size_t max, std::vector<std::int64_t>& ids) {
  std::int64_t id = 0;
  for (Lease* lease = nullptr; max > 0 && (lease = pop_due(now, id)) != nullptr; --max) {
    lease->is_expiring = true;
    ids.push_back(id);
  }
}

void LeaseKeeper::forgive(Instant now, Duration lost) {
  std::vector<Due> late;
  std::int64_t id = 0;
  while (Lease* lease = pop_due(now, id)) {
    lease->due = std::min(lease->due + lost, due_after(now, lease->ttl));
    late.push_back({lease->due, id});
  }
  for (const Due& due : late) {
    push(due.due, due.id);
  }
}

void LeaseKeeper::give_back(std::int64_t id) {
  const auto found = leases_.find(id);
  if (found != leases_.end() && found->second.is_expiring) {
    found->second.is_expiring = false;
    push(found->second.due, id);
  }
}

std::vector<std::int64_t> LeaseKeeper::by_expiry() const {
  std::vector<Due> order;
  order.reserve(leases_.size());
  for (const auto& [id, lease] : leases_) {
    order.push_back({lease.due, id});
  }
  std::ranges::sort(order);
  std::vector<std::int64_t> ids;
  ids.reserve(order.size());
  for (const Due& due : order) {
    ids.push_back(due.id);
  }
  return ids;
}

}  // namespace quorate::service
