#include "api/etcd/keep_alive_stream.h"

#include <array>

#include "base/assert.h"

namespace quorate::etcd {

KeepAliveStream::KeepAliveStream(Api& api, rpc::Call& call, Group& group)
    : api_(api), call_(call), group_(group), needs_leader_(Api::requires_leader(call)) {}

KeepAliveStream::~KeepAliveStream() {
  for (const Waiting& waiting : waiting_) {
    if (!waiting.answer.has_value()) {
      group_.service->abandon(waiting.ticket);
    }
  }
}

std::optional<RpcStatus> KeepAliveStream::on_message(Buffer message) {
  if (waiting_.size() >= api_.config_.max_waiting_keep_alives) {
    return kTooManyRequests;
  }
  const std::uint64_t number = first_number_ + waiting_.size();
  waiting_.emplace_back();
  waiting_.back().ticket = group_.service->lease_keep_alive(
      std::move(message), call_.deadline(), service::AnswerTo::to<&KeepAliveStream::on_answer>(this, number));
  return std::nullopt;
}

bool KeepAliveStream::on_half_close() {
  is_half_closed_ = true;
  return waiting_.empty();
}

void KeepAliveStream::on_answer(std::uint64_t number, const service::Answer& answer) {
  QUORATE_ASSERT(number >= first_number_ && number - first_number_ < waiting_.size(), "the answer is waited for",
                 number, first_number_, waiting_.size());
  waiting_[number - first_number_].answer = answer;
  while (!waiting_.empty() && waiting_.front().answer.has_value()) {
    const service::Answer next = *waiting_.front().answer;
    waiting_.pop_front();
    ++first_number_;
    if (next.outcome != service::Outcome::ok) {
      api_.finish_stream(*this, api_.status_for(call_, next));
      return;
    }
    const std::array<Buffer, 2> parts = {group_.headers.header(next.revision, next.term), next.body};
    api_.answer(call_, parts);
  }
  if (waiting_.empty() && is_half_closed_) {
    api_.finish_stream(*this, {});
  }
}

}  // namespace quorate::etcd
