#include "service/group_service.h"

#include <algorithm>
#include <string>
#include <utility>

#include "codec/etcd_reply.h"
#include "codec/etcd_request.h"
#include "state/kv/validate.h"

namespace quorate::service {

using kv::CommandKind;
using kv::Failure;

namespace {

/// How often something that found no leader, link or room is tried again without a sign that it would help.
Duration retry_interval(const ServiceConfig& config) { return config.election_timeout / 20; }

}  // namespace

std::unique_ptr<KvService> KvService::make(ServiceConfig config, GroupId group, NodeId self, Incarnation incarnation,
                                           const env::Clock& clock, env::Loop& loop, TraceSink& traces) {
  return std::make_unique<GroupService>(config, group, self, incarnation, clock, loop, traces);
}

GroupService::GroupService(ServiceConfig config, GroupId group, NodeId self, Incarnation incarnation,
                           const env::Clock& clock, env::Loop& loop, TraceSink& traces)
    : parts_(config, group, self, incarnation, clock, loop, traces),
      courier_(parts_, *this),
      writes_(parts_, courier_),
      reads_(parts_, Callback<Request&>::to<&GroupService::on_confirmed>(this)),
      leases_(parts_, courier_, reads_, writes_),
      compaction_(parts_),
      hand_over_(parts_),
      members_(parts_, courier_, reads_),
      watchers_(parts_) {
  parts_.courier = &courier_;
}

GroupService::~GroupService() {
  parts_.is_stopped = true;
  parts_.loop.cancel(deadline_timer_);
  parts_.loop.cancel(retry_timer_);
  leases_.shut_down();
  compaction_.shut_down();
  watchers_.shut_down();
}

void GroupService::attach(group::Replica& replica, kv::Store& store) {
  QUORATE_ASSERT(parts_.replica == nullptr, "a service is attached once", parts_.group);
  parts_.replica = &replica;
  parts_.store = &store;
  parts_.leadership.on_status(replica.status(), parts_.clock.now());
  watchers_.attach();
  compaction_.begin();  // an earlier life may have left some
}

// ---- requests -----------------------------------------------------------------------------------------------

Ticket GroupService::refuse(Outcome outcome, Failure failure, AnswerTo to) {
  return parts_.answer(to, Answer{.outcome = outcome, .failure = failure});
}

Ticket GroupService::answer_now(Buffer body, AnswerTo to) {
  return parts_.answer(to, Answer{.revision = parts_.store->revision(), .body = std::move(body)});
}

Ticket GroupService::write(CommandKind kind, Buffer request, Failure invalid, Instant deadline, AnswerTo to) {
  if (parts_.is_stopped) {
    return refuse(Outcome::stopped, Failure::none, to);
  }
  if (invalid != Failure::none) {
    return refuse(Outcome::failed, invalid, to);
  }
  const Ticket ticket = kind == CommandKind::lease_grant ? leases_.grant(std::move(request), deadline, to)
                                                         : writes_.submit(kind, std::move(request), deadline, to);
  keep_timers();
  return ticket;
}

Ticket GroupService::read(RequestKind kind, Buffer request, bool is_local, Instant deadline, AnswerTo to) {
  if (parts_.is_stopped) {
    return refuse(Outcome::stopped, Failure::none, to);
  }
  const Instant now = parts_.clock.now();
  Request* added = parts_.requests.add(kind, std::move(request), now,
                                       std::min(deadline, now + parts_.config.request_timeout), false);
  if (added == nullptr) {
    return refuse(Outcome::too_many_requests, Failure::none, to);
  }
  added->to = to;
  const Ticket ticket = added->number;
  is_local ? reads_.serve(*added) : reads_.add(*added);
  keep_timers();
  return ticket;
}

Ticket GroupService::range(Buffer request, Instant deadline, AnswerTo to) {
  if (const Failure invalid = kv::validate_range(request.view()); invalid != Failure::none) {
    return refuse(Outcome::failed, invalid, to);
  }
  const bool is_local = kv::is_serializable_range(request.view());
  return read(RequestKind::range, std::move(request), is_local, deadline, to);
}

Ticket GroupService::put(Buffer request, Instant deadline, AnswerTo to) {
  const Failure invalid = kv::validate_put(request.view());
  return write(CommandKind::put, std::move(request), invalid, deadline, to);
}

Ticket GroupService::delete_range(Buffer request, Instant deadline, AnswerTo to) {
  const Failure invalid = kv::validate_delete_range(request.view());
  return write(CommandKind::delete_range, std::move(request), invalid, deadline, to);
}

Ticket GroupService::txn(Buffer request, Instant deadline, AnswerTo to) {
  if (const Failure invalid = kv::validate_txn(request.view(), parts_.config.max_txn_ops); invalid != Failure::none) {
    return refuse(Outcome::failed, invalid, to);
  }
  const kv::TxnClass kind = kv::classify_txn(request.view());
  if (kind == kv::TxnClass::write) {
    return write(CommandKind::txn, std::move(request), Failure::none, deadline, to);
  }
  return read(RequestKind::read_txn, std::move(request), kind == kv::TxnClass::serializable_read, deadline, to);
}

Ticket GroupService::compact(Buffer request, Instant deadline, AnswerTo to) {
  return write(CommandKind::compact, std::move(request), Failure::none, deadline, to);
}

Ticket GroupService::lease_grant(Buffer request, Instant deadline, AnswerTo to) {
  return write(CommandKind::lease_grant, std::move(request), Failure::none, deadline, to);
}

Ticket GroupService::lease_revoke(Buffer request, Instant deadline, AnswerTo to) {
  return write(CommandKind::lease_revoke, std::move(request), Failure::none, deadline, to);
}

Ticket GroupService::lease_keep_alive(Buffer request, Instant deadline, AnswerTo to) {
  if (parts_.is_stopped) {
    return refuse(Outcome::stopped, Failure::none, to);
  }
  const Ticket ticket = leases_.ask(RequestKind::keep_alive, std::move(request), deadline, to);
  keep_timers();
  return ticket;
}

Ticket GroupService::lease_time_to_live(Buffer request, Instant deadline, AnswerTo to) {
  if (parts_.is_stopped) {
    return refuse(Outcome::stopped, Failure::none, to);
  }
  const Ticket ticket = leases_.ask(RequestKind::time_to_live, std::move(request), deadline, to);
  keep_timers();
  return ticket;
}

Ticket GroupService::lease_leases(Buffer, Instant, AnswerTo to) {
  return parts_.is_stopped ? refuse(Outcome::stopped, Failure::none, to) : answer_now(leases_.list(), to);
}

Ticket GroupService::alarm(Buffer request, Instant deadline, AnswerTo to) {
  codec::AlarmRequest asked;
  if (!codec::read_request(request.view(), asked)) {
    return refuse(Outcome::failed, Failure::malformed, to);
  }
  if (asked.action != codec::AlarmRequest::get) {
    return write(CommandKind::alarm, std::move(request), Failure::none, deadline, to);
  }
  if (parts_.is_stopped) {
    return refuse(Outcome::stopped, Failure::none, to);
  }
  std::vector<codec::AlarmMember> alarms;
  for (const kv::Alarm& alarm : parts_.store->alarms()) {
    if (asked.alarm == codec::AlarmRequest::none || asked.alarm == alarm.type) {
      alarms.push_back({alarm.member, alarm.type});
    }
  }
  return answer_now(codec::encode_alarm_reply(alarms), to);
}

Ticket GroupService::hash_kv(Buffer request, Instant deadline, AnswerTo to) {
  compaction_.begin();  // a large store hashes in the same slices
  return read(RequestKind::hash_kv, std::move(request), true, deadline, to);
}

Ticket GroupService::barrier_read(Instant deadline, AnswerTo to) {
  return read(RequestKind::barrier, Buffer(), false, deadline, to);
}

Ticket GroupService::publish_member(Buffer member, Instant deadline, AnswerTo to) {
  return write(CommandKind::publish_member, std::move(member), Failure::none, deadline, to);
}

Ticket GroupService::move_leader(NodeId to, Instant deadline, AnswerTo to_whom) {
  if (parts_.is_stopped) {
    return refuse(Outcome::stopped, Failure::none, to_whom);
  }
  const Ticket ticket = hand_over_.ask(to, deadline, to_whom);
  keep_timers();
  return ticket;
}

Ticket GroupService::change_members(MemberChange change, Instant deadline, AnswerTo to) {
  if (parts_.is_stopped) {
    return refuse(Outcome::stopped, Failure::none, to);
  }
  const Ticket ticket = members_.ask(std::move(change), deadline, to);
  keep_timers();
  return ticket;
}

void GroupService::abandon(Ticket ticket) {
  if (Request* request = parts_.requests.find(ticket); request != nullptr) {
    parts_.trace(Branch::abandoned, static_cast<std::uint64_t>(request->stage));
    parts_.requests.release(*request);
  }
}

void GroupService::shut_down() {
  if (parts_.is_stopped) {
    return;
  }
  for (const Ticket number : parts_.requests.all()) {
    if (Request* request = parts_.requests.find_waiting(number); request != nullptr) {
      parts_.finish(*request, Outcome::stopped);
    }
  }
  parts_.is_stopped = true;
  parts_.loop.cancel(std::exchange(deadline_timer_, 0));
  parts_.loop.cancel(std::exchange(retry_timer_, 0));
  leases_.shut_down();
  compaction_.shut_down();
  watchers_.shut_down();
  parts_.answers.deliver(0);
}

// ---- events of the replica ----------------------------------------------------------------------------------

void GroupService::on_role_changed(const consensus::RoleChanged& change) {
  if (parts_.replica == nullptr || parts_.is_stopped) {
    return;  // attach() asks for the status
  }
  parts_.leadership.on_role_changed(change, parts_.clock.now());
  if (parts_.leadership.has_leader() && !parts_.leadership.is_leader()) {
    static_cast<void>(courier_.can_send(parts_.leadership.leader()));  // greets it before the first write
  }
  writes_.on_role_changed();
  leases_.on_role_changed();
  hand_over_.on_role_changed();
  members_.on_role_changed();
  reads_.retry();
  keep_timers();
}

void GroupService::on_dropped(Context context, consensus::Dropped::Outcome outcome) {
  if (!parts_.is_stopped && !writes_.on_dropped(context, outcome) && !members_.on_dropped(context)) {
    reads_.on_dropped(context);
  }
  keep_timers();
}

void GroupService::on_configuration_changed(const consensus::ConfigurationChanged& change) {
  if (!parts_.is_stopped) {
    members_.on_configuration_changed(change);
    keep_timers();
  }
}

void GroupService::on_reconfiguration_refused(Context context, consensus::ReconfigureRefusal why) {
  if (!parts_.is_stopped) {
    members_.on_refused_by_core(context, why);
    keep_timers();
  }
}

void GroupService::on_read_ready(Context context) {
  if (!parts_.is_stopped) {
    reads_.on_ready(context);
    keep_timers();
  }
}

void GroupService::on_service_message(NodeId from, Buffer message) {
  if (!parts_.is_stopped && parts_.replica != nullptr) {
    courier_.on_message(from, message);
    keep_timers();
  }
}

void GroupService::on_peer_down(NodeId node) {
  if (!parts_.is_stopped && parts_.replica != nullptr) {
    parts_.leadership.on_link_down(node, parts_.clock.now());
    courier_.on_peer_down(node);
    keep_timers();
  }
}

// ---- events of the store ------------------------------------------------------------------------------------

bool GroupService::wants_reply(const kv::RequestId& request) const {
  if (request.origin != parts_.self || request.incarnation != parts_.incarnation) {
    return false;
  }
  const Request* waiting = parts_.requests.find(request.number);
  return waiting != nullptr && waiting->stage != Stage::answered;
}

void GroupService::on_reply(const kv::RequestId& request, kv::Reply reply) {
  if (!wants_reply(request)) {
    return;
  }
  Request* waiting = parts_.requests.find_waiting(request.number);
  if (waiting == nullptr) {
    return;
  }
  codec::CompactionRequest compaction;
  if (waiting->command == CommandKind::compact && reply.failure == Failure::none &&
      codec::read_request(waiting->bytes.view(), compaction) && compaction.physical) {
    compaction_.wait(*waiting, Parts::answer_of(std::move(reply)));
    return;
  }
  writes_.on_executed(request.number, std::move(reply));
}

void GroupService::on_events(std::int64_t revision, std::span<const kv::Event> events) {
  watchers_.on_executed(revision, events);
}

void GroupService::on_lease_granted(const kv::LeaseInfo& lease) { leases_.on_granted(lease); }

void GroupService::on_lease_revoked(std::int64_t lease) { leases_.on_revoked(lease); }

void GroupService::on_replaced(std::int64_t revision) {
  watchers_.on_replaced(revision);
  on_compacted(revision);
}

void GroupService::on_compacted(std::int64_t) {
  if (parts_.store != nullptr) {
    compaction_.begin();
  }
}

// ---- events between services --------------------------------------------------------------------------------

void GroupService::on_item(NodeId from, Incarnation life, const Item& item, const Buffer& message) {
  if (item.kind == ItemKind::propose) {
    writes_.on_forwarded(from, life, item);
    return;
  }
  if (item.kind == ItemKind::ask) {
    const bool is_change = item.detail == static_cast<std::uint8_t>(Question::member_change);
    is_change ? members_.on_question(from, life, item, message) : leases_.on_question(from, life, item, message);
    return;
  }
  Request* request = parts_.requests.find_waiting(item.number);
  if (request == nullptr || request->asked != from) {
    return;
  }
  if (request->kind == RequestKind::member_change) {
    item.kind == ItemKind::refuse ? members_.on_refused(*request, item) : members_.on_answer(*request, item);
    return;
  }
  const bool is_write = request->kind == RequestKind::write;
  if (item.kind == ItemKind::refuse) {
    is_write ? writes_.on_refused(*request, item) : leases_.on_refused(*request, item);
  } else if (!is_write) {
    leases_.on_answer(*request, item, message);
  }
}

void GroupService::on_reachable(NodeId node) {
  if (node == parts_.leadership.leader()) {
    writes_.retry_waiting();
    leases_.retry();
    members_.retry();
  }
}

void GroupService::on_not_sent(NodeId to, const Item& item) {
  Request* request = parts_.requests.find_waiting(item.number);
  if (request == nullptr || request->asked != to || (item.kind != ItemKind::propose && item.kind != ItemKind::ask)) {
    return;
  }
  if (request->kind == RequestKind::member_change) {
    members_.on_refused(*request, item);
    keep_timers();
    return;
  }
  request->kind == RequestKind::write ? writes_.on_not_sent(*request, item) : leases_.on_refused(*request, item);
  keep_timers();
}

// ---- timers -------------------------------------------------------------------------------------------------

void GroupService::keep_timers() {
  if (parts_.is_stopped) {
    return;
  }
  if (retry_timer_ == 0 &&
      (writes_.has_waiting() || reads_.has_waiting() || leases_.has_waiting() || members_.has_waiting())) {
    retry_timer_ = parts_.loop.arm(parts_.clock.now() + retry_interval(parts_.config),
                                   Callback<>::to<&GroupService::on_retry_timer>(this));
  }
  const std::optional<Instant> due = parts_.requests.next_due();
  if (!due || (deadline_timer_ != 0 && deadline_armed_ <= *due)) {
    return;
  }
  parts_.loop.cancel(deadline_timer_);
  deadline_armed_ = *due;
  deadline_timer_ = parts_.loop.arm(*due, Callback<>::to<&GroupService::on_deadline_timer>(this));
}

void GroupService::on_deadline_timer(std::uint64_t) {
  deadline_timer_ = 0;
  due_.clear();
  parts_.requests.take_due(parts_.clock.now(), due_);
  for (const Ticket number : due_) {
    Request* request = parts_.requests.find_waiting(number);
    if (request == nullptr) {
      continue;
    }
    switch (request->kind) {
      case RequestKind::write: writes_.on_deadline(*request); break;
      case RequestKind::keep_alive:
      case RequestKind::time_to_live: leases_.on_deadline(*request); break;
      case RequestKind::member_change: members_.on_deadline(*request); break;
      case RequestKind::hand_over: parts_.finish(*request, Outcome::timed_out_transfer); break;
      default: parts_.trace(Branch::read_timed_out, number); parts_.finish(*request, Outcome::timed_out);
    }
  }
  keep_timers();
}

void GroupService::on_retry_timer(std::uint64_t) {
  retry_timer_ = 0;
  writes_.retry_waiting();
  leases_.retry();
  members_.retry();
  reads_.retry();
  keep_timers();
}

void GroupService::on_confirmed(std::uint64_t, Request& request) {
  if (request.kind == RequestKind::member_change) {
    members_.on_confirmed(request);
  } else {
    leases_.on_confirmed(0, request);
  }
}

}  // namespace quorate::service
