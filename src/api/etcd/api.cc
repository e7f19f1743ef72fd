#include "api/etcd/api.h"

#include <algorithm>
#include <array>
#include <charconv>

#include "api/etcd/health_service.h"
#include "api/etcd/keep_alive_stream.h"
#include "api/etcd/snapshot_service.h"
#include "api/etcd/watch_stream.h"
#include "base/assert.h"

namespace quorate::etcd {
namespace {

/// Metadata values are bytes; this key's value is promised to be text.
bool is_utf8(std::string_view text) {
  for (std::size_t i = 0; i < text.size();) {
    const auto lead = static_cast<unsigned char>(text[i]);
    const std::size_t size = lead < 0x80                   ? 1
                             : lead >= 0xC2 && lead < 0xE0 ? 2
                             : lead >= 0xE0 && lead < 0xF0 ? 3
                             : lead >= 0xF0 && lead < 0xF5 ? 4
                                                           : 0;
    if (size == 0 || size > text.size() - i) {
      return false;
    }
    for (std::size_t k = 1; k < size; ++k) {
      if ((static_cast<unsigned char>(text[i + k]) & 0xC0U) != 0x80U) {
        return false;
      }
    }
    i += size;
  }
  return true;
}

template <class Stream>
std::unique_ptr<Stream> take_stream(std::vector<std::unique_ptr<Stream>>& streams, const void* stream) {
  const auto found =
      std::find_if(streams.begin(), streams.end(), [&](const auto& each) { return each.get() == stream; });
  QUORATE_ASSERT(found != streams.end(), "the stream is one of ours");
  std::unique_ptr<Stream> taken = std::move(*found);
  *found = std::move(streams.back());
  streams.pop_back();
  return taken;
}

}  // namespace

const Buffer& Group::watch_header(std::int64_t revision) {
  if (revision != events_revision) {
    events_header = headers.header(revision, service->status().tag);
    events_revision = revision;
  }
  return events_header;
}

Api::Api(ApiConfig config, const env::Clock& clock, env::Loop& loop)
    : config_(std::move(config)),
      clock_(clock),
      loop_(loop),
      health_(std::make_unique<HealthService>(*this)),
      snapshots_(std::make_unique<SnapshotService>(*this)) {}

Api::~Api() { loop_.cancel(leader_timer_); }

void Api::add_group(GroupId id, service::KvService& service) {
  groups_.push_back(
      std::make_unique<Group>(Group{.id = id, .service = &service, .headers = Headers(config_.cluster, config_.self)}));
}

void Api::set_serving(bool serving) { health_->set_serving(serving); }

void Api::shut_down() {
  is_shut_down_ = true;
  health_->set_serving(false);
  health_->shut_down();
  snapshots_->shut_down();
  while (!watch_streams_.empty()) {
    finish_stream(*watch_streams_.back(), kStopped);
  }
  while (!keep_alive_streams_.empty()) {
    finish_stream(*keep_alive_streams_.back(), kStopped);
  }
}

// Calls come and go.

Group* Api::group_of(const rpc::Call& call, RpcStatus& refusal) {
  QUORATE_ASSERT(!groups_.empty(), "the API serves at least one group");
  if (is_shut_down_) {
    refusal = kStopped;
    return nullptr;
  }
  Group* group = groups_.front().get();
  if (const std::string_view wanted = call.metadata("quorate-group"); !wanted.empty()) {
    std::uint64_t number = 0;
    const auto [end, error] = std::from_chars(wanted.data(), wanted.data() + wanted.size(), number);
    const auto found =
        std::find_if(groups_.begin(), groups_.end(), [&](const auto& each) { return each->id.value() == number; });
    if (error != std::errc() || end != wanted.data() + wanted.size() || found == groups_.end()) {
      refusal = {rpc::Code::invalid_argument, "quorate: metadata quorate-group names no group of this node"};
      return nullptr;
    }
    group = found->get();
  }
  if (!is_utf8(call.metadata("client-api-version"))) {
    refusal = kInvalidApiVersion;
    return nullptr;
  }
  if (requires_leader(call) && group->service->status().leader.is_none()) {
    refusal = kNoLeader;
    return nullptr;
  }
  return group;
}

void Api::on_call(rpc::Call& call) {
  ++methods_.stats_of(call.method()).started;
  const MethodId method = Methods::id_of(call.method());
  if (method != MethodId::watch && method != MethodId::lease_keep_alive) {
    return;  // all others begin with their message
  }
  RpcStatus refusal;
  Group* group = group_of(call, refusal);
  if (group == nullptr) {
    finish(call, refusal);
    return;
  }
  if (method == MethodId::watch) {
    watch_streams_.push_back(std::make_unique<WatchStream>(*this, call, *group));
    call.user = watch_streams_.back().get();
  } else {
    keep_alive_streams_.push_back(std::make_unique<KeepAliveStream>(*this, call, *group));
    call.user = keep_alive_streams_.back().get();
  }
  if (requires_leader(call)) {
    watch_leaders();
  }
}

void Api::on_message(rpc::Call& call, Buffer message) {
  ++methods_.stats_of(call.method()).received;
  const MethodId method = Methods::id_of(call.method());
  if (method == MethodId::watch) {
    WatchStream& stream = *static_cast<WatchStream*>(call.user);
    if (!stream.on_message(message.view())) {
      finish_stream(stream, kMalformed);
    }
  } else if (method == MethodId::lease_keep_alive) {
    KeepAliveStream& stream = *static_cast<KeepAliveStream*>(call.user);
    if (const std::optional<RpcStatus> end = stream.on_message(std::move(message)); end.has_value()) {
      finish_stream(stream, *end);
    }
  } else {
    on_unary(call, method, std::move(message));
  }
}

void Api::on_half_close(rpc::Call& call) {
  // A watch goes on: its client may listen without asking for more.
  if (Methods::id_of(call.method()) == MethodId::lease_keep_alive) {
    KeepAliveStream& stream = *static_cast<KeepAliveStream*>(call.user);
    if (stream.on_half_close()) {
      finish_stream(stream, {});
    }
  }
}

void Api::on_call_gone(rpc::Call& call) {
  ++methods_.stats_of(call.method()).handled[static_cast<std::size_t>(rpc::Code::cancelled)];
  switch (Methods::id_of(call.method())) {
    case MethodId::watch: take_stream(watch_streams_, call.user); break;
    case MethodId::lease_keep_alive: take_stream(keep_alive_streams_, call.user); break;
    case MethodId::health_watch: health_->forget(call); break;
    case MethodId::snapshot: snapshots_->forget(call); break;
    default:
      if (auto* request = static_cast<Request*>(call.user); request != nullptr) {
        request->group->service->abandon(request->ticket);
        release(*request);
      }
  }
}

void Api::on_writable(rpc::Call& call) {
  switch (Methods::id_of(call.method())) {
    case MethodId::watch: static_cast<WatchStream*>(call.user)->on_writable(); break;
    case MethodId::snapshot: snapshots_->on_writable(call); break;
    default: break;
  }
}

// Unary calls.

void Api::on_unary(rpc::Call& call, MethodId method, Buffer message) {
  RpcStatus refusal;
  Group* group = group_of(call, refusal);
  if (group == nullptr) {
    finish(call, refusal);
    return;
  }
  switch (method) {
    case MethodId::unsupported: finish(call, {rpc::Code::unimplemented, methods_.missing_text(call.method())}); return;
    case MethodId::status: answer_status(call, *group); return;
    case MethodId::defragment: {
      const Buffer nothing;  // not even a header
      answer(call, {&nothing, 1});
      finish(call, {});
      return;
    }
    case MethodId::health_check: health_->check(call, message.view()); return;
    case MethodId::health_watch: health_->watch(call, message.view()); return;
    case MethodId::snapshot: snapshots_->begin(call, *group); return;
    case MethodId::member_list:
      if (!is_linearizable_member_list(message.view())) {
        answer_members(call, *group, group->service->status().tag);
        return;
      }
      break;
    case MethodId::membership_describe: answer_membership(call, *group); return;
    case MethodId::member_add:
    case MethodId::member_remove:
    case MethodId::member_update:
    case MethodId::member_promote:
    case MethodId::membership_add_learner:
    case MethodId::membership_set: on_member_change(call, *group, method, std::move(message)); return;
    default: break;
  }
  Request& request = begin_request(call, *group, method);
  request.ticket = ask(*group, method, std::move(message), call.deadline(),
                       service::AnswerTo::to<&Api::on_answer>(this, request.slot));
}

service::Ticket Api::ask(Group& group, MethodId method, Buffer message, Instant deadline, service::AnswerTo to) {
  service::KvService& service = *group.service;
  switch (method) {
    case MethodId::range: return service.range(std::move(message), deadline, to);
    case MethodId::put: return service.put(std::move(message), deadline, to);
    case MethodId::delete_range: return service.delete_range(std::move(message), deadline, to);
    case MethodId::txn: return service.txn(std::move(message), deadline, to);
    case MethodId::compact: return service.compact(std::move(message), deadline, to);
    case MethodId::lease_grant: return service.lease_grant(std::move(message), deadline, to);
    case MethodId::lease_revoke: return service.lease_revoke(std::move(message), deadline, to);
    case MethodId::lease_time_to_live: return service.lease_time_to_live(std::move(message), deadline, to);
    case MethodId::lease_leases: return service.lease_leases(std::move(message), deadline, to);
    case MethodId::alarm: return service.alarm(std::move(message), deadline, to);
    case MethodId::hash: return service.hash_kv({}, deadline, to);  // HashKVRequest of the current revision
    case MethodId::hash_kv: return service.hash_kv(std::move(message), deadline, to);
    case MethodId::member_list: return service.barrier_read(deadline, to);
    case MethodId::move_leader: return service.move_leader(transferee_of(message.view()), deadline, to);
    default: QUORATE_UNREACHABLE("a unary method that no service serves", method);
  }
}

Api::Request& Api::begin_request(rpc::Call& call, Group& group, MethodId method) {
  Request& request = take_request();
  request.call = &call;
  request.group = &group;
  request.method = method;
  call.user = &request;
  return request;
}

Api::Request& Api::take_request() {
  if (free_slots_.empty()) {
    requests_.push_back(std::make_unique<Request>());
    requests_.back()->slot = requests_.size() - 1;
    return *requests_.back();
  }
  Request& request = *requests_[free_slots_.back()];
  free_slots_.pop_back();
  return request;
}

void Api::release(Request& request) {
  request.call = nullptr;
  free_slots_.push_back(request.slot);
}

void Api::on_answer(std::uint64_t slot, const service::Answer& answer_of_service) {
  Request& request = *requests_[slot];
  QUORATE_ASSERT(request.call != nullptr, "a request is answered once", slot);
  rpc::Call& call = *request.call;
  Group& group = *request.group;
  const MethodId method = request.method;
  call.user = nullptr;
  release(request);
  if (answer_of_service.outcome != service::Outcome::ok) {
    finish(call, status_for(call, answer_of_service));
    return;
  }
  if (method == MethodId::member_list) {
    answer_members(call, group, answer_of_service.term);
    return;
  }
  if (is_member_change(method)) {
    answer_member_change(call, group, method, answer_of_service);
    return;
  }
  if (method == MethodId::move_leader) {
    const Buffer nothing;  // not even a header
    answer(call, {&nothing, 1});
    finish(call, {});
    return;
  }
  const Buffer& body = answer_of_service.body;
  const std::array<Buffer, 2> parts = {group.headers.header(answer_of_service.revision, answer_of_service.term),
                                       method == MethodId::hash ? hash_of(body) : body};
  answer(call, parts);
  finish(call, {});
}

RpcStatus Api::status_for(const rpc::Call& call, const service::Answer& answer) const {
  const bool has_timed_out = answer.outcome == service::Outcome::timed_out ||
                             answer.outcome == service::Outcome::timed_out_leader_lost ||
                             answer.outcome == service::Outcome::timed_out_connection ||
                             answer.outcome == service::Outcome::timed_out_transfer;
  if (has_timed_out && call.deadline() != Instant::max() && clock_.now() >= call.deadline()) {
    return kDeadlinePassed;  // the client's own limit, not ours
  }
  return status_of(answer.outcome, answer.failure);
}

void Api::answer(rpc::Call& call, std::span<const Buffer> parts) {
  ++methods_.stats_of(call.method()).sent;
  call.send(parts);
}

void Api::finish(rpc::Call& call, RpcStatus status) {
  ++methods_.stats_of(call.method()).handled[static_cast<std::size_t>(status.code)];
  call.finish(status.code, status.text);
}

// Streams.

void Api::finish_stream(WatchStream& stream, RpcStatus status) {
  const std::unique_ptr<WatchStream> ended = take_stream(watch_streams_, &stream);
  finish(ended->call(), status);
}

void Api::finish_stream(KeepAliveStream& stream, RpcStatus status) {
  const std::unique_ptr<KeepAliveStream> ended = take_stream(keep_alive_streams_, &stream);
  finish(ended->call(), status);
}

void Api::watch_leaders() {
  if (leader_timer_ == 0) {
    leader_timer_ = loop_.arm(clock_.now() + config_.election_timeout, Callback<>::to<&Api::check_leaders>(this));
  }
}

void Api::check_leaders(std::uint64_t) {
  constexpr int kElectionTimeouts = 3;
  leader_timer_ = 0;
  const Instant now = clock_.now();
  for (const std::unique_ptr<Group>& group : groups_) {
    const bool has_leader = !group->service->status().leader.is_none();
    if (group->had_leader && !has_leader) {
      group->leader_lost = now;
    }
    group->had_leader = has_leader;
    if (!has_leader && now - group->leader_lost >= (kElectionTimeouts - 1) * config_.election_timeout) {
      end_streams_of(*group);  // the loss was noticed up to one election timeout late
    }
  }
  const auto needs_leader = [](const auto& stream) { return stream->needs_leader(); };
  if (std::any_of(watch_streams_.begin(), watch_streams_.end(), needs_leader) ||
      std::any_of(keep_alive_streams_.begin(), keep_alive_streams_.end(), needs_leader)) {
    watch_leaders();
  }
}

void Api::end_streams_of(Group& group) {
  // Ending a stream moves the last one to its place: from the back, each is looked at once.
  for (std::size_t i = watch_streams_.size(); i > 0; --i) {
    if (WatchStream& stream = *watch_streams_[i - 1]; stream.needs_leader() && &stream.group() == &group) {
      finish_stream(stream, kNoLeader);
    }
  }
  for (std::size_t i = keep_alive_streams_.size(); i > 0; --i) {
    if (KeepAliveStream& stream = *keep_alive_streams_[i - 1]; stream.needs_leader() && &stream.group() == &group) {
      finish_stream(stream, kNoLeader);
    }
  }
}

}  // namespace quorate::etcd
