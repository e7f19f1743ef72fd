#include "service/requests.h"

#include <algorithm>

#include "base/assert.h"

namespace quorate::service {

Request* RequestTable::add(RequestKind kind, Buffer bytes, Instant began, Instant deadline, bool is_internal) {
  if (!is_internal && (live_ >= max_requests_ || bytes_ + bytes.size() > max_bytes_)) {
    return nullptr;
  }
  std::uint32_t slot = free_;
  if (slot != 0) {
    free_ = slots_[slot].next;
  } else {
    slot = static_cast<std::uint32_t>(slots_.size());
    if (slot >= (1U << kSlotBits) - 1) {
      return nullptr;
    }
    slots_.emplace_back();
  }
  Request& request = slots_[slot];
  request = Request{};
  request.number = ++sequence_ << kSlotBits | slot;
  request.kind = kind;
  request.stage = Stage::waiting;
  request.bytes = std::move(bytes);
  request.began = began;
  request.deadline = deadline;
  ++live_;
  bytes_ += request.bytes.size();
  if (deadline != Instant::max()) {
    link(slot);
  }
  return &request;
}

Request* RequestTable::find(Ticket number) {
  const std::uint32_t slot = slot_of(number);
  return slot < slots_.size() && number != 0 && slots_[slot].number == number ? &slots_[slot] : nullptr;
}

const Request* RequestTable::find(Ticket number) const {
  const std::uint32_t slot = slot_of(number);
  return slot < slots_.size() && number != 0 && slots_[slot].number == number ? &slots_[slot] : nullptr;
}

Request* RequestTable::find_proposal(Context context) {
  const std::uint32_t slot = slot_of(context.value());
  if (slot == 0 || slot >= slots_.size() || slots_[slot].number == 0 || slots_[slot].context != context) {
    return nullptr;
  }
  return &slots_[slot];
}

Request* RequestTable::find_waiting(Ticket number) {
  Request* request = find(number);
  return request == nullptr || request->stage == Stage::answered ? nullptr : request;
}

void RequestTable::settle(Request& request) {
  QUORATE_ASSERT(request.number != 0 && request.stage != Stage::answered, "a request is answered once", request.number);
  unlink(slot_of(request.number));
  request.stage = Stage::answered;
  bytes_ -= request.bytes.size();
  request.bytes = Buffer();
}

void RequestTable::release(Request& request) {
  const std::uint32_t slot = slot_of(request.number);
  QUORATE_ASSERT(request.number != 0 && &slots_[slot] == &request, "a live request is released once", request.number);
  unlink(slot);
  --live_;
  bytes_ -= request.bytes.size();
  request = Request{};
  request.next = free_;
  free_ = slot;
}

Context RequestTable::new_context(const Request& request) {
  return Context(++sequence_ << kSlotBits | slot_of(request.number));
}

Context RequestTable::new_context() { return Context(++sequence_ << kSlotBits); }

void RequestTable::link(std::uint32_t slot) {
  if (buckets_.empty()) {
    buckets_.resize(kBuckets);
  }
  Request& request = slots_[slot];
  const std::int64_t tick = tick_of(request.deadline);
  if (timed_ == 0 || tick < looked_until_) {
    looked_until_ = tick;
  }
  const auto bucket = static_cast<std::uint32_t>(static_cast<std::uint64_t>(tick) % kBuckets);
  request.bucket = bucket + 1;
  request.previous = 0;
  request.next = buckets_[bucket];
  if (request.next != 0) {
    slots_[request.next].previous = slot;
  }
  buckets_[bucket] = slot;
  if (timed_ == 0) {
    earliest_ = Instant::max();
  }
  earliest_ = std::min(earliest_, Instant((tick + 1) * kBucket));
  ++timed_;
}

void RequestTable::unlink(std::uint32_t slot) {
  Request& request = slots_[slot];
  if (request.bucket == 0) {
    return;
  }
  if (request.previous != 0) {
    slots_[request.previous].next = request.next;
  } else {
    buckets_[request.bucket - 1] = request.next;
  }
  if (request.next != 0) {
    slots_[request.next].previous = request.previous;
  }
  request.bucket = 0;
  --timed_;
}

void RequestTable::take_due(Instant now, std::vector<Ticket>& due) {
  const std::int64_t until = tick_of(now);  // buckets of whole ticks in the past
  const std::int64_t rounds = std::min<std::int64_t>(until - looked_until_, kBuckets);
  for (std::int64_t i = 0; i < rounds && timed_ > 0; ++i) {
    const std::size_t first = due.size();
    const auto bucket = static_cast<std::uint64_t>(looked_until_ + i) % kBuckets;
    for (std::uint32_t slot = buckets_[bucket]; slot != 0; slot = slots_[slot].next) {
      if (tick_of(slots_[slot].deadline) < until) {
        due.push_back(slots_[slot].number);
      }
    }
    std::sort(due.begin() + static_cast<std::ptrdiff_t>(first), due.end());
  }
  looked_until_ = std::max(looked_until_, until);
  for (const Ticket number : due) {
    unlink(slot_of(number));
  }
  earliest_ = timed_ == 0 ? Instant::max() : first_bucket_end();
}

Instant RequestTable::first_bucket_end() const {
  // A bucket may hold only later laps of the wheel: then looking there is wasted, once a lap.
  for (std::int64_t i = 0; i < kBuckets; ++i) {
    if (buckets_[static_cast<std::uint64_t>(looked_until_ + i) % kBuckets] != 0) {
      return Instant((looked_until_ + i + 1) * kBucket);
    }
  }
  QUORATE_UNREACHABLE("a request with a deadline is in some bucket", timed_);
}

std::vector<Ticket> RequestTable::all() const {
  std::vector<Ticket> numbers;
  numbers.reserve(live_);
  for (const Request& request : slots_) {
    if (request.number != 0) {
      numbers.push_back(request.number);
    }
  }
  std::sort(numbers.begin(), numbers.end());
  return numbers;
}

}  // namespace quorate::service
