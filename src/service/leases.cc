#include "service/leases.h"

#include <algorithm>
#include <string>
#include <utility>

#include "base/hash.h"
#include "base/plant.h"
#include "codec/etcd_request.h"
#include "codec/proto_fields.h"
#include "codec/varint.h"

namespace quorate::service {
namespace {

constexpr std::uint32_t kTtlField = 3;

void append_number(std::string& out, std::uint32_t field, std::int64_t value) {
  if (value != 0) {
    codec::append_varint(out, field << 3);
    codec::append_varint(out, static_cast<std::uint64_t>(value));
  }
}

/// LeaseKeepAliveRequest and LeaseTimeToLiveRequest begin alike.
struct LeaseQuestion {
  std::int64_t id = 0;
  bool keys = false;
};

bool read_question(ByteView bytes, LeaseQuestion& out) {
  codec::FieldReader fields(bytes);
  while (fields.next()) {
    if (fields.is_varint(1)) {
      out.id = fields.int64();
    } else if (fields.is_varint(2)) {
      out.keys = fields.boolean();
    }
  }
  return fields.ok();
}

Buffer keep_alive_answer(std::int64_t id, const LeaseKeeper::View& lease) {
  std::string out;
  append_number(out, 2, id);
  append_number(out, kTtlField, lease.granted_ttl);
  return Buffer::adopt(std::move(out));
}

Buffer time_to_live_answer(std::int64_t id, const LeaseKeeper::View& lease, std::span<const Buffer> keys) {
  const bool is_unknown = lease.state == LeaseKeeper::State::unknown;
  std::string out;
  append_number(out, 2, id);
  append_number(out, kTtlField, is_unknown ? -1 : lease.remaining_ttl);
  append_number(out, 4, lease.granted_ttl);
  for (const Buffer& key : keys) {
    codec::append_varint(out, 5U << 3 | 2U);
    codec::append_varint(out, key.size());
    out.append(key.view());
  }
  return Buffer::adopt(std::move(out));
}

}  // namespace

// ---- grants -------------------------------------------------------------------------------------------------

Ticket Leases::grant(Buffer request, Instant deadline, AnswerTo to) {
  codec::LeaseGrantRequest grant;
  if (!codec::read_request(request.view(), grant)) {
    return parts_.answer(to, Answer{.outcome = Outcome::failed, .failure = kv::Failure::malformed});
  }
  while (grant.id == 0) {
    // Distinct inputs, spread over all positive ids: one more of them meets one in use about never.
    Hasher hasher;
    hasher.add(parts_.group);
    hasher.add(parts_.self);
    hasher.add(parts_.incarnation);
    hasher.add(parts_.requests.new_attempt());
    hasher.add(static_cast<std::uint64_t>(parts_.clock.wall().unix_ms));
    grant.id = static_cast<std::int64_t>(hasher.value() >> 1);
    request = codec::encode_request(grant);
  }
  return writes_.submit(kv::CommandKind::lease_grant, std::move(request), deadline, to);
}

// ---- questions ----------------------------------------------------------------------------------------------

Ticket Leases::ask(RequestKind kind, Buffer request, Instant deadline, AnswerTo to) {
  LeaseQuestion question;
  if (!read_question(request.view(), question)) {
    return parts_.answer(to, Answer{.outcome = Outcome::failed, .failure = kv::Failure::malformed});
  }
  const Instant now = parts_.clock.now();
  Request* added = parts_.requests.add(kind, std::move(request), now,
                                       std::min(deadline, now + parts_.config.request_timeout), false);
  if (added == nullptr) {
    return parts_.answer(to, Answer{.outcome = Outcome::too_many_requests});
  }
  added->to = to;
  added->revision = parts_.store->revision();
  const Ticket ticket = added->number;
  route(*added);
  return ticket;
}

void Leases::route(Request& request) {
  const NodeId leader = parts_.leadership.leader();
  if (is_keeping_) {
    request.term = keeping_in_;
    if (QUORATE_PLANT(keepalive_by_deposed_leader)) {
      on_confirmed(0, request);
      return;
    }
    reads_.add(request);
    return;
  }
  if (!request.origin.is_none()) {
    parts_.finish(request, Outcome::no_leader);  // a question is forwarded once
    return;
  }
  if (leader.is_none() || leader == parts_.self || !courier_.can_send(leader)) {
    leave_outside(request, Stage::waiting);
    return;
  }
  request.asked = leader;
  request.tried = parts_.clock.now();
  request.attempt = parts_.requests.new_attempt();
  request.term = parts_.leadership.tag();
  const bool is_keep_alive = request.kind == RequestKind::keep_alive;
  courier_.send(leader,
                {.kind = ItemKind::ask,
                 .detail = static_cast<std::uint8_t>(is_keep_alive ? Question::keep_alive : Question::time_to_live),
                 .number = request.number,
                 .attempt = request.attempt,
                 .bytes = request.bytes.view()});
  parts_.trace(Branch::question_forwarded, leader.value());
  leave_outside(request, Stage::forwarded);
}

void Leases::leave_outside(Request& request, Stage stage) {
  request.stage = stage;
  if (!std::exchange(request.is_queued, true)) {
    outside_.push_back(request.number);
  }
}

void Leases::retry() {
  // Asking twice is harmless: a keep-alive that comes late only makes a lease live longer.
  const Instant now = parts_.clock.now();
  const Instant old = now - parts_.config.election_timeout / 2;
  for (const Ticket number : std::exchange(outside_, {})) {
    Request* request = parts_.requests.find(number);
    if (request == nullptr || (request->stage != Stage::waiting && request->stage != Stage::forwarded)) {
      if (request != nullptr) {
        request->is_queued = false;
      }
      continue;
    }
    request->is_queued = false;
    const bool is_fresh = request->stage == Stage::forwarded && request->asked == parts_.leadership.leader() &&
                          request->term == parts_.leadership.tag() && request->tried > old;
    if (is_fresh) {
      leave_outside(*request, Stage::forwarded);
    } else {
      route(*request);
    }
  }
}

void Leases::on_confirmed(std::uint64_t, Request& request) {
  if (!is_keeping_ || request.term != keeping_in_) {
    parts_.trace(Branch::question_after_reign, request.number);
    route(request);
    return;
  }
  LeaseQuestion question;
  QUORATE_ASSERT(read_question(request.bytes.view(), question), "was read when it came", request.number);
  const Instant now = parts_.clock.now();
  Answer answer{.revision = request.revision};
  if (request.kind == RequestKind::keep_alive) {
    const LeaseKeeper::View lease = keeper_.renew(question.id, now);
    if (lease.state == LeaseKeeper::State::expiring) {
      parts_.trace(Branch::keep_alive_waits, static_cast<std::uint64_t>(question.id));
      leave_outside(request, Stage::waiting);
      return;
    }
    answer.body = keep_alive_answer(question.id, lease);
  } else {
    const std::vector<Buffer> keys = question.keys ? parts_.store->lease_keys(question.id) : std::vector<Buffer>();
    answer.body = time_to_live_answer(question.id, keeper_.look(question.id, now), keys);
  }
  parts_.finish(request, std::move(answer));
}

void Leases::on_deadline(Request& request) {
  parts_.finish(request, parts_.leadership.has_leader() ? Outcome::timed_out : Outcome::no_leader);
}

void Leases::on_question(NodeId from, Incarnation life, const Item& item, const Buffer& message) {
  if (!is_keeping_) {
    parts_.refuse_question(from, life, item, Refusal::not_leader);
    return;
  }
  const bool is_keep_alive = item.detail == static_cast<std::uint8_t>(Question::keep_alive);
  LeaseQuestion question;
  Request* added = nullptr;
  if (read_question(item.bytes, question)) {
    added = parts_.take_question(is_keep_alive ? RequestKind::keep_alive : RequestKind::time_to_live, from, life, item,
                                 message);
  }
  if (added == nullptr) {
    parts_.refuse_question(from, life, item, Refusal::busy);
    return;
  }
  route(*added);
}

void Leases::on_answer(Request& request, const Item& item, const Buffer& message) {
  if (request.stage == Stage::forwarded && request.attempt == item.attempt) {
    parts_.finish(request, Answer{.revision = request.revision, .body = message.slice_of(item.bytes)});
  }
}

void Leases::on_refused(Request& request, const Item& item) {
  if (request.stage == Stage::forwarded && request.attempt == item.attempt) {
    leave_outside(request, Stage::waiting);
  }
}

Buffer Leases::list() const {
  std::vector<std::int64_t> ids;
  if (is_keeping_) {
    ids = keeper_.by_expiry();
  } else {
    for (const kv::LeaseInfo& lease : parts_.store->leases()) {
      ids.push_back(lease.id);
    }
  }
  std::string out;
  for (const std::int64_t id : ids) {
    const std::size_t size = id == 0 ? 0 : 1 + codec::varint_size(static_cast<std::uint64_t>(id));
    codec::append_varint(out, 2U << 3 | 2U);
    codec::append_varint(out, size);
    append_number(out, 1, id);
  }
  return Buffer::adopt(std::move(out));
}

// ---- expiry -------------------------------------------------------------------------------------------------

void Leases::on_role_changed() {
  const bool leads = parts_.leadership.is_leader();
  if (leads && (!is_keeping_ || keeping_in_ != parts_.leadership.tag())) {
    is_keeping_ = true;
    keeping_in_ = parts_.leadership.tag();
    const std::vector<kv::LeaseInfo> leases = parts_.store->leases();
    parts_.trace(Branch::lease_reign_began, leases.size());
    keeper_.start(leases, parts_.clock.now(), parts_.config.election_timeout);
    arm_check();
  } else if (!leads && is_keeping_ && !QUORATE_PLANT(keepalive_by_deposed_leader)) {
    is_keeping_ = false;
    keeper_.stop();
    parts_.loop.cancel(std::exchange(check_timer_, 0));
  }
  if (parts_.leadership.has_leader()) {
    retry();
  }
}

void Leases::on_granted(const kv::LeaseInfo& lease) {
  if (is_keeping_) {
    keeper_.on_granted(lease, parts_.clock.now());
    arm_check();
  }
}

void Leases::on_revoked(std::int64_t id) { keeper_.on_revoked(id); }

void Leases::arm_check() {
  if (check_timer_ == 0 && keeper_.size() > 0 && !parts_.is_stopped) {
    check_due_ = parts_.clock.now() + parts_.config.lease_check_interval;
    check_timer_ = parts_.loop.arm(check_due_, Callback<>::to<&Leases::check>(this));
  }
}

void Leases::check(std::uint64_t) {
  check_timer_ = 0;
  const Instant now = parts_.clock.now();
  const Duration late = now - check_due_;
  if (late > parts_.config.lease_check_interval) {
    // This process stood still: the keep-alives that came meanwhile are still unread. Revoking first and reading
    // them after would expire leases whose clients did all they could.
    parts_.trace(Branch::lease_check_late, static_cast<std::uint64_t>(late.count()));
    keeper_.forgive(now, late);
  }
  const std::size_t limit = parts_.config.lease_revokes_per_check;
  std::vector<std::int64_t> expired;
  keeper_.take_expired(now, limit - std::min(limit, revoking_.size()), expired);
  for (const std::int64_t id : expired) {
    revoke(id);
  }
  arm_check();
}

void Leases::revoke(std::int64_t id) {
  if (QUORATE_PLANT(lost_lease_revoke) && !revoking_.empty()) {
    return;  // as if what exceeds a bound were dropped instead of waiting
  }
  if (!revoking_.insert(id).second) {
    keeper_.give_back(id);  // one of an earlier reign is still on its way
    return;
  }
  parts_.trace(Branch::lease_expired, static_cast<std::uint64_t>(id));
  writes_.submit_internal(kv::CommandKind::lease_revoke, codec::encode_request(codec::LeaseRevokeRequest{.id = id}),
                          Instant::max(), keeping_in_,
                          AnswerTo::to<&Leases::on_revoke_done>(this, static_cast<std::uint64_t>(id)));
}

void Leases::on_revoke_done(std::uint64_t id, const Answer& answer) {
  const auto lease = static_cast<std::int64_t>(id);
  revoking_.erase(lease);
  if (answer.outcome != Outcome::ok) {
    parts_.trace(Branch::lease_revoke_failed, id);
  }
  keeper_.give_back(lease);  // does nothing if it was revoked
}

void Leases::shut_down() { parts_.loop.cancel(std::exchange(check_timer_, 0)); }

}  // namespace quorate::service
