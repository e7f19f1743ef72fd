#include "service/members.h"

#include <algorithm>
#include <utility>

namespace quorate::service {
namespace {

/// An answer to another node's service: how it went.
Buffer encode_outcome(Outcome outcome) {
  codec::Writer writer;
  writer.u8(static_cast<std::uint8_t>(outcome));
  return writer.take_buffer();
}

Outcome decode_outcome(ByteView bytes) {
  const auto outcome = bytes.size() == 1 ? static_cast<std::uint8_t>(bytes.front()) : std::uint8_t{0xFF};
  return outcome <= static_cast<std::uint8_t>(kLastOutcome) ? static_cast<Outcome>(outcome) : Outcome::timed_out;
}

}  // namespace

Ticket Members::ask(MemberChange change, Instant deadline, AnswerTo to) {
  const bool is_addition = change.kind == MemberChange::Kind::add || change.kind == MemberChange::Kind::add_learner;
  while (is_addition && change.node.is_none()) {
    // Distinct inputs, spread over all ids: one that was a member once will not come again.
    Hasher hasher;
    hasher.add(change.urls);
    hasher.add(parts_.self);
    hasher.add(parts_.incarnation);
    hasher.add(parts_.requests.new_attempt());
    hasher.add(static_cast<std::uint64_t>(parts_.clock.wall().unix_ms));
    change.node = NodeId(hasher.value());
  }
  const Buffer bytes = encode_member_change(change);
  if (!decode_member_change(bytes.view())) {
    return parts_.answer(to, {.outcome = Outcome::bad_member_change});
  }
  const Instant now = parts_.clock.now();
  Request* request = parts_.requests.add(RequestKind::member_change, bytes, now,
                                         std::min(deadline, now + parts_.config.request_timeout), false);
  if (request == nullptr) {
    return parts_.answer(to, {.outcome = Outcome::too_many_requests});
  }
  request->to = to;
  const Ticket ticket = request->number;
  route(*request);
  return ticket;
}

void Members::route(Request& request) {
  const NodeId leader = parts_.leadership.leader();
  if (parts_.leadership.is_leader()) {
    plan(request);
    return;
  }
  if (!request.origin.is_none()) {
    give_back(request);  // a wish is forwarded once
    return;
  }
  if (leader.is_none() || leader == parts_.self || !courier_.can_send(leader)) {
    wait(request);
    return;
  }
  request.asked = leader;
  request.stage = Stage::forwarded;
  request.attempt = parts_.requests.new_attempt();
  const std::optional<MemberChange> change = decode_member_change(request.bytes.view());
  QUORATE_ASSERT(change.has_value(), "was read when it came", request.number);
  request.had_happened = has_happened(*change, committed_.value_or(parts_.replica->status().membership));
  courier_.send(leader, {.kind = ItemKind::ask,
                         .detail = static_cast<std::uint8_t>(Question::member_change),
                         .number = request.number,
                         .attempt = request.attempt,
                         .bytes = request.bytes.view()});
  parts_.trace(Branch::member_change_forwarded, leader.value());
}

void Members::wait(Request& request) {
  request.stage = Stage::waiting;
  if (!std::exchange(request.is_queued, true)) {
    waiting_.push_back(request.number);
  }
}

void Members::settle_forwarded() {
  if (!committed_ || committed_->is_joint()) {
    return;
  }
  for (const Ticket number : parts_.requests.all()) {
    Request* request = parts_.requests.find_waiting(number);
    const bool is_left_alone = request != nullptr && request->kind == RequestKind::member_change &&
                               request->stage == Stage::forwarded && request->asked != parts_.leadership.leader();
    if (!is_left_alone || request->had_happened) {
      continue;
    }
    const std::optional<MemberChange> change = decode_member_change(request->bytes.view());
    QUORATE_ASSERT(change.has_value(), "was read when it came", number);
    if (has_happened(*change, *committed_)) {
      parts_.trace(Branch::member_change_seen, request->asked.value());
      succeed(*request);
    }
  }
}

/// What waits here has succeeded already; it is this node that is no member any more.
void Members::settle_confirming() {
  if (committed_->contains(parts_.self)) {
    return;
  }
  for (const Ticket number : parts_.requests.all()) {
    Request* request = parts_.requests.find(number);
    if (request->kind == RequestKind::member_change && request->stage == Stage::reading) {
      on_confirmed(*request);
    }
  }
}

void Members::retry() {
  for (const Ticket number : std::exchange(waiting_, {})) {
    Request* request = parts_.requests.find_waiting(number);
    if (request != nullptr) {
      request->is_queued = false;
      if (request->stage == Stage::waiting) {
        route(*request);
      }
    }
  }
  promote_joining();
}

// ---- on the leader ------------------------------------------------------------------------------------------

MemberView Members::look() const {
  const consensus::CoreStatus status = parts_.replica->status();
  return {.membership = status.membership,
          .quorum_sizes = parts_.config.quorum_sizes,
          .commit = status.commit,
          .contacts = parts_.replica->contacts(),
          .progress = parts_.replica->progress(),
          .has_started = [this](NodeId node) { return parts_.store->members().contains(node); },
          .is_linked = [this](NodeId node) { return node == parts_.self || parts_.replica->is_linked(node); }};
}

void Members::plan(Request& request) {
  const MemberView view = look();
  if (!active_.context.is_none() || view.membership.is_joint()) {
    wait(request);
    return;
  }
  const std::optional<MemberChange> change = decode_member_change(request.bytes.view());
  QUORATE_ASSERT(change.has_value(), "was read when it came", request.number);
  MemberPlan next = plan_member_change(*change, view);
  if (next.refusal != Outcome::ok) {
    fail(request, next.refusal);
    return;
  }
  if (next.target == view.membership && change->kind != MemberChange::Kind::update) {
    succeed(request);
    return;
  }
  request.stage = Stage::proposed;
  place(std::move(next), request.number);
}

void Members::place(MemberPlan next, Ticket ticket) {
  parts_.trace(Branch::member_change_proposed, ticket);
  active_ = {.ticket = ticket,
             .context = parts_.requests.new_context(),
             .target = next.target,
             .placed = Position(),
             .term = parts_.leadership.tag()};
  parts_.replica->reconfigure(active_.context, std::move(next.target), std::move(next.contacts));
}

void Members::note_joining() {
  joining_.clear();
  if (!parts_.leadership.is_leader()) {
    return;
  }
  const consensus::Membership membership = parts_.replica->status().membership;
  for (const consensus::Contact& contact : parts_.replica->contacts()) {
    if (contact.will_vote && std::ranges::binary_search(membership.learners, contact.node)) {
      joining_.push_back(contact.node);
    }
  }
}

void Members::promote_joining() {
  if (joining_.empty() || !active_.context.is_none() || !parts_.leadership.is_leader()) {
    return;
  }
  const MemberView view = look();
  for (const NodeId node : joining_) {
    MemberPlan next = plan_member_change({.kind = MemberChange::Kind::promote, .node = node}, view);
    if (!view.membership.is_joint() && next.refusal == Outcome::ok && view.is_linked(node) && view.has_started(node)) {
      place(std::move(next), 0);
      return;
    }
  }
}

Request* Members::end_active() {
  const Ticket ticket = std::exchange(active_, {}).ticket;
  return ticket == 0 ? nullptr : parts_.requests.find_waiting(ticket);
}

void Members::on_configuration_changed(const consensus::ConfigurationChanged& change) {
  note_joining();
  if (change.committed) {
    committed_ = change.membership;
    settle_forwarded();
    settle_confirming();
  }
  if (active_.context.is_none()) {
    return;
  }
  const bool is_ours =
      change.membership.voters == active_.target.voters && change.membership.learners == active_.target.learners;
  if (!is_ours) {
    return;
  }
  if (!change.committed && active_.placed.is_none()) {
    active_.placed = change.id.position;
  }
  if (change.committed && !active_.placed.is_none() && !change.membership.is_joint() &&
      change.id.position >= active_.placed) {
    if (Request* request = end_active(); request != nullptr) {
      succeed(*request);
    }
  }
}

void Members::on_refused_by_core(Context context, consensus::ReconfigureRefusal why) {
  if (context != active_.context || context.is_none()) {
    return;
  }
  Request* request = end_active();
  if (request == nullptr) {
    return;
  }
  switch (why) {
    case consensus::ReconfigureRefusal::learner_behind: fail(*request, Outcome::learner_not_ready); return;
    case consensus::ReconfigureRefusal::voters_in_repair: fail(*request, Outcome::unhealthy_cluster); return;
    case consensus::ReconfigureRefusal::invalid_target: fail(*request, Outcome::bad_member_change); return;
    case consensus::ReconfigureRefusal::quorums_do_not_fit: fail(*request, Outcome::quorums_do_not_fit); return;
    default: wait(*request);  // for another leader, its first own entry, or the end of another change
  }
}

bool Members::on_dropped(Context context) {
  if (context != active_.context || context.is_none()) {
    return false;
  }
  if (Request* request = end_active(); request != nullptr) {
    wait(*request);
  }
  return true;
}

/// A change that was placed may still be committed by another leader: this node hears of it as of any other.
void Members::on_role_changed() {
  if (!parts_.leadership.is_leader() && !active_.context.is_none() &&
      (active_.placed.is_none() || active_.ticket == 0)) {
    if (Request* request = end_active(); request != nullptr) {
      wait(*request);
    }
  }
  if (parts_.leadership.is_leader() && active_.term != parts_.leadership.tag()) {
    active_ = {};  // what came of it in an earlier reign is not known here; its request ends with its deadline
  }
  note_joining();
  settle_forwarded();
  retry();
}

void Members::succeed(Request& request) {
  if (!request.origin.is_none()) {
    parts_.finish(request, {.body = encode_outcome(Outcome::ok)});
    return;
  }
  if (!parts_.replica->status().membership.contains(parts_.self)) {
    on_confirmed(request);  // removed itself: no round will confirm anything to it
    return;
  }
  reads_.add(request);
}

void Members::on_confirmed(Request& request) {
  const std::optional<MemberChange> change = decode_member_change(request.bytes.view());
  QUORATE_ASSERT(change.has_value(), "was read when it came", request.number);
  parts_.finish(request, {.body = encode_member_answer(change->node)});
}

void Members::fail(Request& request, Outcome why) {
  parts_.trace(Branch::member_change_refused, static_cast<std::uint64_t>(why));
  if (!request.origin.is_none()) {
    parts_.finish(request, {.body = encode_outcome(why)});
    return;
  }
  parts_.finish(request, why);
}

/// To the node that asked: nothing was placed here.
void Members::give_back(Request& request) { parts_.finish(request, Outcome::no_leader); }

void Members::on_deadline(Request& request) {
  if (request.number == active_.ticket) {
    active_.ticket = 0;  // the core still has the change
  }
  if (!request.origin.is_none()) {
    parts_.requests.release(request);  // who asked has its own deadline, and may not be told that nothing was placed
    return;
  }
  const bool is_unplaced = request.stage == Stage::waiting && !parts_.leadership.has_leader();
  parts_.finish(request, is_unplaced ? Outcome::no_leader : parts_.leadership.choose_time_out(request.began));
}

// ---- between services ---------------------------------------------------------------------------------------

void Members::on_question(NodeId from, Incarnation life, const Item& item, const Buffer& message) {
  if (!parts_.leadership.is_leader()) {
    parts_.refuse_question(from, life, item, Refusal::not_leader);
    return;
  }
  const bool is_readable = decode_member_change(item.bytes).has_value();
  Request* added = is_readable ? parts_.take_question(RequestKind::member_change, from, life, item, message) : nullptr;
  if (added == nullptr) {
    parts_.refuse_question(from, life, item, Refusal::busy);
    return;
  }
  plan(*added);
}

void Members::on_answer(Request& request, const Item& item) {
  if (request.stage != Stage::forwarded || request.attempt != item.attempt) {
    return;
  }
  const Outcome outcome = decode_outcome(item.bytes);
  outcome == Outcome::ok ? succeed(request) : fail(request, outcome);
}

void Members::on_refused(Request& request, const Item& item) {
  if (request.stage == Stage::forwarded && request.attempt == item.attempt) {
    wait(request);
  }
}

}  // namespace quorate::service
