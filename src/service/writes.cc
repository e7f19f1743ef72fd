#include "service/writes.h"

#include <algorithm>
#include <utility>

#include "base/plant.h"
#include "codec/etcd_request.h"
#include "state/kv/validate.h"

namespace quorate::service {

using consensus::Dropped;

Ticket Writes::submit(kv::CommandKind kind, Buffer request, Instant deadline, AnswerTo to) {
  Outcome refused = check_space(kind, request.view());
  if (refused == Outcome::ok && request.size() > parts_.config.max_request_bytes) {
    refused = Outcome::request_too_large;
  }
  if (refused == Outcome::ok && is_behind()) {
    refused = Outcome::too_many_requests;
  }
  const Instant now = parts_.clock.now();
  Request* added = nullptr;
  if (refused == Outcome::ok) {
    added = parts_.requests.add(RequestKind::write, std::move(request), now,
                                std::min(deadline, now + parts_.config.request_timeout), false);
    refused = added == nullptr ? Outcome::too_many_requests : Outcome::ok;
  }
  if (added == nullptr) {
    parts_.trace(Branch::write_refused, static_cast<std::uint64_t>(refused));
    return parts_.answer(to, Answer{.outcome = refused});
  }
  added->command = kind;
  added->to = to;
  const Ticket ticket = added->number;
  place(*added);
  return ticket;
}

void Writes::submit_internal(kv::CommandKind kind, Buffer request, Instant deadline, Tag term, AnswerTo to) {
  Request* added = parts_.requests.add(RequestKind::write, std::move(request), parts_.clock.now(), deadline, true);
  if (added == nullptr) {
    parts_.answer(to, Answer{.outcome = Outcome::too_many_requests});
    return;
  }
  added->command = kind;
  added->to = to;
  added->local_only = !term.is_none();
  added->term = term;
  place(*added);
}

bool Writes::is_behind() const {
  const group::Replica& replica = *parts_.replica;
  return replica.committed().value() > replica.executed().value() + parts_.config.max_unexecuted_entries;
}

// ---- space and alarms ---------------------------------------------------------------------------------------

Outcome Writes::check_space(kv::CommandKind kind, ByteView request) {
  const std::vector<kv::Alarm> alarms = parts_.store->alarms();  // nearly always empty, which allocates nothing
  const bool grows = kv::may_grow(kind, request);
  for (const kv::Alarm& alarm : alarms) {
    if (alarm.type == codec::AlarmRequest::corrupt && kind != kv::CommandKind::alarm) {
      return Outcome::corrupt;
    }
    if (alarm.type == codec::AlarmRequest::no_space && grows) {
      return Outcome::no_space;
    }
  }
  if (!grows || parts_.config.quota_bytes == 0 ||
      parts_.store->size_bytes() + kv::quota_cost(kind, request) < parts_.config.quota_bytes) {
    return Outcome::ok;
  }
  raise_no_space();
  return Outcome::no_space;
}

void Writes::raise_no_space() {
  if (std::exchange(is_raising_, true)) {
    return;
  }
  parts_.trace(Branch::no_space_raised, parts_.store->size_bytes());
  const codec::AlarmRequest alarm{
      .action = codec::AlarmRequest::activate, .member = parts_.self.value(), .alarm = codec::AlarmRequest::no_space};
  submit_internal(kv::CommandKind::alarm, codec::encode_request(alarm),
                  parts_.clock.now() + parts_.config.request_timeout, Tag(), AnswerTo::to<&Writes::on_raised>(this));
}

void Writes::on_raised(std::uint64_t, const Answer&) { is_raising_ = false; }

// ---- finding a place ----------------------------------------------------------------------------------------

void Writes::place(Request& request) {
  if (request.local_only && (!parts_.leadership.is_leader() || parts_.leadership.tag() != request.term)) {
    parts_.finish(request, Outcome::no_leader);
    return;
  }
  const NodeId leader = parts_.leadership.leader();
  if (parts_.leadership.is_leader()) {
    propose(request);
  } else if (!leader.is_none() && leader != parts_.self && courier_.can_send(leader)) {
    forward(request, leader);
  } else {
    parts_.trace(Branch::write_waits, leader.value());
    wait(request);
  }
}

void Writes::propose(Request& request) {
  const kv::CommandHeader header{.kind = request.command,
                                 .request = {parts_.self, parts_.incarnation, request.number},
                                 .time = parts_.clock.wall(),
                                 .expired_in = request.term};
  request.context = parts_.requests.new_context(request);
  if (!parts_.replica->propose(request.context, kv::encode_command(header, request.bytes.view()), {})) {
    parts_.trace(Branch::pushed_back);
    request.was_busy = true;
    wait(request);
    return;
  }
  request.stage = Stage::proposed;
  if (QUORATE_PLANT(reply_before_execution) && request.command == kv::CommandKind::put) {
    parts_.finish(request, Answer{.revision = parts_.store->revision() + 1});
  }
}

void Writes::forward(Request& request, NodeId leader) {
  request.stage = Stage::forwarded;
  request.asked = leader;
  request.attempt = parts_.requests.new_attempt();
  parts_.trace(Branch::write_forwarded, leader.value());
  courier_.send(leader, {.kind = ItemKind::propose,
                         .detail = static_cast<std::uint8_t>(request.command),
                         .number = request.number,
                         .attempt = request.attempt,
                         .bytes = request.bytes.view()});
}

void Writes::wait(Request& request) {
  request.stage = Stage::waiting;
  if (!std::exchange(request.is_queued, true)) {
    waiting_.push_back(request.number);
  }
}

void Writes::retry_waiting() {
  if (!parts_.leadership.has_leader()) {
    // Those whose time is over go, so that a long time without a leader costs no memory.
    std::erase_if(waiting_, [this](Ticket number) { return parts_.requests.find(number) == nullptr; });
    return;
  }
  const std::vector<Ticket> waiting = std::exchange(waiting_, {});
  for (const Ticket number : waiting) {
    if (Request* request = parts_.requests.find(number); request != nullptr) {
      request->is_queued = false;
      if (request->stage == Stage::waiting) {
        place(*request);
      }
    }
  }
}

void Writes::on_role_changed() {
  if (QUORATE_PLANT(retry_after_unknown) && parts_.leadership.has_leader()) {
    for (const Ticket number : parts_.requests.all()) {
      Request* request = parts_.requests.find(number);
      if (request->kind == RequestKind::write && !request->local_only &&
          (request->stage == Stage::unknown || request->stage == Stage::forwarded)) {
        wait(*request);
      }
    }
  }
  retry_waiting();
}

// ---- what became of it --------------------------------------------------------------------------------------

bool Writes::on_executed(std::uint64_t number, kv::Reply reply) {
  Request* request = parts_.requests.find_waiting(number);
  if (request == nullptr || request->kind != RequestKind::write) {
    return false;
  }
  if (request->stage == Stage::unknown) {
    parts_.trace(Branch::unknown_executed, number);
  }
  parts_.finish(*request, Parts::answer_of(std::move(reply)));
  return true;
}

bool Writes::on_dropped(Context context, Dropped::Outcome outcome) {
  if (Request* request = parts_.requests.find_proposal(context);
      request != nullptr && request->kind == RequestKind::write) {
    if (request->stage != Stage::proposed) {
      return true;
    }
    if (outcome == Dropped::Outcome::unknown) {
      parts_.trace(Branch::write_unknown, context.value());
      request->stage = Stage::unknown;
      if (request->local_only) {
        parts_.finish(*request, Outcome::timed_out);
      }
      return true;
    }
    parts_.trace(Branch::write_dropped, context.value());
    // Not placed at once: the core may drop it again for the same reason, before anything else happens.
    request->local_only ? parts_.finish(*request, Outcome::no_leader) : wait(*request);
    return true;
  }
  const auto found = std::ranges::lower_bound(foreign_, context, {}, &Foreign::context);
  if (found == foreign_.end() || found->context != context) {
    return false;
  }
  if (outcome == Dropped::Outcome::never) {
    parts_.trace(Branch::foreign_write_dropped, context.value());
    refuse(found->origin, found->life, {.number = found->number, .attempt = found->attempt}, Refusal::not_leader);
  }
  return true;
}

void Writes::on_deadline(Request& request) {
  const bool was_busy = request.stage == Stage::waiting && request.was_busy;
  parts_.trace(request.stage == Stage::waiting ? Branch::write_never_placed : Branch::write_timed_out, request.number);
  parts_.finish(request, was_busy ? Outcome::too_many_requests : parts_.leadership.choose_time_out(request.began));
}

// ---- between services ---------------------------------------------------------------------------------------

void Writes::on_forwarded(NodeId from, Incarnation life, const Item& item) {
  if (!parts_.leadership.is_leader()) {
    refuse(from, life, item, Refusal::not_leader);
    return;
  }
  const kv::CommandHeader header{.kind = static_cast<kv::CommandKind>(item.detail),
                                 .request = {from, life, item.number},
                                 .time = parts_.clock.wall()};
  const Context context = parts_.requests.new_context();
  if (!parts_.replica->propose(context, kv::encode_command(header, item.bytes), from)) {
    refuse(from, life, item, Refusal::busy);
    return;
  }
  drop_old_foreign();
  foreign_.push_back({context, from, life, item.number, item.attempt, parts_.clock.now()});
  parts_.trace(Branch::foreign_write_proposed, from.value(), item.number);
}

void Writes::drop_old_foreign() {
  // Without its note a write that is dropped later is not refused: its origin waits for the deadline.
  const Instant old = parts_.clock.now() - 2 * parts_.config.election_timeout;
  while (!foreign_.empty() && (foreign_.size() >= kMaxForeign || foreign_.front().proposed < old)) {
    foreign_.pop_front();
  }
}

void Writes::refuse(NodeId to, Incarnation life, const Item& item, Refusal why) {
  parts_.trace(Branch::write_refused_to_origin, to.value(), static_cast<std::uint64_t>(why));
  courier_.reply(to, life,
                 {.kind = ItemKind::refuse,
                  .detail = static_cast<std::uint8_t>(why),
                  .number = item.number,
                  .attempt = item.attempt});
}

void Writes::on_refused(Request& request, const Item& item) {
  if (request.stage == Stage::forwarded && request.attempt == item.attempt) {
    parts_.trace(Branch::forward_refused, request.number, item.detail);
    request.was_busy = item.detail == static_cast<std::uint8_t>(Refusal::busy);
    wait(request);
    if (parts_.leadership.has_leader() && parts_.leadership.leader() != request.asked) {
      retry_waiting();  // a former leader refused it; who leads now has not been asked
    }
  }
}

void Writes::on_not_sent(Request& request, const Item& item) {
  if (request.stage == Stage::forwarded && request.attempt == item.attempt) {
    wait(request);
  }
}

}  // namespace quorate::service
