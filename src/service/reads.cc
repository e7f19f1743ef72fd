#include "service/reads.h"

#include <algorithm>
#include <utility>

#include "base/plant.h"
#include "codec/etcd_request.h"
#include "codec/proto_fields.h"

namespace quorate::service {
namespace {

/// HashKVRequest has one field.
std::int64_t hash_revision(ByteView request) {
  std::int64_t revision = 0;
  for (codec::FieldReader fields(request); fields.next();) {
    if (fields.is_varint(1)) {
      revision = fields.int64();
    }
  }
  return revision;
}

}  // namespace

void Reads::add(Request& request) {
  request.stage = Stage::reading;
  if (QUORATE_PLANT(serve_read_without_round) && request.kind == RequestKind::range) {
    serve(request);
    return;
  }
  next_.push_back(request.number);
  if (!std::exchange(is_scheduled_, true)) {
    parts_.loop.defer(Callback<>::to<&Reads::begin_round>(this));
  }
}

void Reads::begin_round(std::uint64_t) {
  is_scheduled_ = false;
  if (next_.empty() || parts_.is_stopped) {
    return;
  }
  const Context context = parts_.requests.new_context();
  parts_.trace(Branch::round_began, next_.size());
  rounds_.push_back({context, parts_.clock.now(), std::exchange(next_, {})});
  parts_.replica->read(context);
}

bool Reads::take_round(Context context, std::vector<Ticket>& requests) {
  const auto found = std::ranges::lower_bound(rounds_, context, {}, &Round::context);
  if (found == rounds_.end() || found->context != context) {
    return false;
  }
  requests = std::move(found->requests);
  rounds_.erase(found);
  return true;
}

bool Reads::on_ready(Context context) {
  std::vector<Ticket> requests;
  if (!take_round(context, requests)) {
    return false;
  }
  for (const Ticket number : requests) {
    if (Request* request = parts_.requests.find(number); request != nullptr && request->stage == Stage::reading) {
      serve(*request);
    }
  }
  if (next_.empty()) {
    requests.clear();
    next_ = std::move(requests);  // its memory, for the next round
  }
  return true;
}

bool Reads::on_dropped(Context context) {
  std::vector<Ticket> requests;
  if (!take_round(context, requests)) {
    return false;
  }
  parts_.trace(Branch::round_dropped, requests.size());
  dropped_.insert(dropped_.end(), requests.begin(), requests.end());
  return true;
}

void Reads::retry() {
  if (!parts_.leadership.has_leader()) {
    std::erase_if(dropped_, [this](Ticket number) { return parts_.requests.find(number) == nullptr; });
    return;
  }
  const Instant old = parts_.clock.now() - parts_.config.election_timeout / 2;
  while (!rounds_.empty() && rounds_.front().began <= old) {
    parts_.trace(Branch::round_not_answered, rounds_.front().requests.size());
    dropped_.insert(dropped_.end(), rounds_.front().requests.begin(), rounds_.front().requests.end());
    rounds_.pop_front();
  }
  for (const Ticket number : std::exchange(dropped_, {})) {
    if (Request* request = parts_.requests.find(number); request != nullptr && request->stage == Stage::reading) {
      add(*request);
    }
  }
}

void Reads::serve(Request& request) {
  kv::Reply reply;
  state::Execution execution = state::Execution::done;
  const Callback<> ready = Callback<>::to<&Reads::on_fetched>(this, request.number);
  const ByteView bytes = request.bytes.view();
  switch (request.kind) {
    case RequestKind::range: execution = parts_.store->range(bytes, reply, ready); break;
    case RequestKind::read_txn: execution = parts_.store->read_txn(bytes, reply, ready); break;
    case RequestKind::hash_kv: execution = parts_.store->hash_kv(hash_revision(bytes), reply, ready); break;
    case RequestKind::barrier: reply.revision = parts_.store->revision(); break;
    case RequestKind::keep_alive:
    case RequestKind::time_to_live:
    case RequestKind::member_change: confirmed_(request); return;
    case RequestKind::write:
    case RequestKind::hand_over: QUORATE_UNREACHABLE("it reads nothing", request.number);
  }
  if (execution == state::Execution::pending) {
    parts_.trace(Branch::read_fetches, request.number);
    request.stage = Stage::fetching;
    return;
  }
  parts_.finish(request, Parts::answer_of(std::move(reply)));
}

void Reads::on_fetched(std::uint64_t number) {
  if (Request* request = parts_.requests.find(number); request != nullptr && request->stage == Stage::fetching) {
    serve(*request);
  }
}

}  // namespace quorate::service
