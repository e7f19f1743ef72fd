#include "service/register_service.h"

#include <utility>

#include "base/assert.h"

namespace quorate::service {

using Outcome = RegisterAnswer::Outcome;

RegisterService::~RegisterService() { loop_.cancel(timer_); }

void RegisterService::attach(group::Replica& replica, const write_once::Register& keys) {
  replica_ = &replica;
  keys_ = &keys;
}

// ---- requests -------------------------------------------------------------------------------------------

void RegisterService::propose(Buffer key, Buffer value, Instant deadline, RegisterAnswerTo to) {
  const std::optional<Outcome> objection = objection_to(key.view(), value.size());
  const Context context = add({.key = key, .is_proposal = true, .deadline = deadline, .to = to, .refusal = {}});
  if (objection) {
    refuse(context, *objection);
  } else if (replica_->propose_cell(context, key, std::move(value))) {
    proposals_[std::string(key.view())].insert(context);
  } else {
    refuse(context, Outcome::busy);
  }
}

void RegisterService::learn(Buffer key, Instant deadline, RegisterAnswerTo to) {
  const std::optional<Outcome> objection = objection_to(key.view(), 0);
  const Context context = add({.key = key, .is_proposal = false, .deadline = deadline, .to = to, .refusal = {}});
  if (objection) {
    refuse(context, *objection);
  } else {
    replica_->read_cell(context, std::move(key));
  }
}

std::optional<Outcome> RegisterService::objection_to(ByteView key, std::size_t value_bytes) const {
  if (key.empty() || key.size() > config_.max_key_bytes || value_bytes > config_.max_value_bytes) {
    return Outcome::refused;
  }
  return requests_.size() >= config_.max_pending_requests ? std::optional(Outcome::busy) : std::nullopt;
}

Context RegisterService::add(Request request) {
  QUORATE_ASSERT(replica_ != nullptr, "a service is attached before it is asked", request.key.size());
  const Context context(++last_context_);
  deadlines_.insert({request.deadline, context});
  requests_.emplace(context, std::move(request));
  arm();
  return context;
}

/// Not inside the call: who asks may not be ready for the answer.
void RegisterService::refuse(Context context, Outcome why) {
  requests_.at(context).refusal = why;
  loop_.defer(Callback<>::to<&RegisterService::tell_refused>(this, context.value()));
}

void RegisterService::tell_refused(std::uint64_t context) {
  if (const auto request = requests_.find(Context(context)); request != requests_.end()) {
    answer(Context(context), {*request->second.refusal, {}});
  }
}

void RegisterService::answer(Context context, const RegisterAnswer& answer) {
  const auto found = requests_.find(context);
  if (found == requests_.end()) {
    return;
  }
  const Request request = std::move(found->second);
  requests_.erase(found);
  deadlines_.erase({request.deadline, context});
  if (const auto waiting = proposals_.find(request.key.view()); request.is_proposal && waiting != proposals_.end()) {
    waiting->second.erase(context);
    if (waiting->second.empty()) {
      proposals_.erase(waiting);
    }
  }
  request.to(answer);
}

// ---- what the replica tells -------------------------------------------------------------------------------

void RegisterService::on_decided(const Buffer& key, const Buffer& value) {
  const auto waiting = proposals_.find(key.view());
  if (waiting == proposals_.end()) {
    return;
  }
  for (const Context context : std::exchange(waiting->second, {})) {
    answer(context, {Outcome::decided, value});
  }
  if (const auto left = proposals_.find(key.view()); left != proposals_.end() && left->second.empty()) {
    proposals_.erase(left);
  }
}

void RegisterService::on_read_ready(Context context) {
  const auto request = requests_.find(context);
  if (request == requests_.end()) {
    return;
  }
  const std::optional<Buffer> value = keys_->find(request->second.key.view());
  answer(context, value ? RegisterAnswer{Outcome::decided, *value} : RegisterAnswer{Outcome::not_decided, {}});
}

void RegisterService::on_dropped(Context context, consensus::Dropped::Outcome outcome) {
  answer(context, {outcome == consensus::Dropped::Outcome::never ? Outcome::busy : Outcome::timed_out, {}});
}

// ---- time -----------------------------------------------------------------------------------------------

void RegisterService::arm() {
  if (deadlines_.empty() || (timer_ != 0 && armed_for_ <= deadlines_.begin()->first)) {
    return;
  }
  loop_.cancel(timer_);
  armed_for_ = deadlines_.begin()->first;
  timer_ = loop_.arm(armed_for_, Callback<>::to<&RegisterService::on_deadline>(this));
}

void RegisterService::on_deadline(std::uint64_t) {
  timer_ = 0;
  while (!deadlines_.empty() && deadlines_.begin()->first <= clock_.now()) {
    answer(deadlines_.begin()->second, {Outcome::timed_out, {}});
  }
  arm();
}

}  // namespace quorate::service
