// What a session does against abuse, slow clients and silence.

#include <algorithm>
#include <string_view>

#include "rpc/http2_session.h"

namespace quorate::rpc {
namespace {

constexpr Duration kDeadlineGrace = std::chrono::seconds(1);  // the handler's own answer comes first
constexpr Duration kOverfullPatience = std::chrono::seconds(5);

}  // namespace

void Http2Session::calm_down(std::string_view why) {
  if (is_closing_) {
    return;
  }
  is_closing_ = true;
  nghttp2_submit_goaway(session_, NGHTTP2_FLAG_NONE, nghttp2_session_get_last_proc_stream_id(session_),
                        NGHTTP2_ENHANCE_YOUR_CALM, reinterpret_cast<const std::uint8_t*>(why.data()), why.size());
}

void Http2Session::count_reset() {
  if (!guard_.allows_reset(now_)) {
    calm_down("too_many_resets");
  }
}

void Http2Session::count_control_frame() {
  if (!guard_.allows_control_frame(now_)) {
    calm_down("too_many_control_frames");
  }
}

bool Http2Session::check_timeouts(Instant now) {
  now_ = now;
  if (is_broken_ || (!has_settings_ && now - born_ > limits_.header_timeout) ||
      (is_in_headers_ && now - headers_began_ > limits_.header_timeout) || !check_stall(now) || !check_keepalive(now)) {
    return false;
  }
  for (std::size_t i = 0; i < calls_.size(); ++i) {
    check_call(*calls_[i], now);
  }
  return true;
}

void Http2Session::check_call(ServerCall& call, Instant now) {
  if (call.is_finished_) {
    if (call.queued_bytes_ > 0 && now - call.progressed_ > limits_.stall_timeout) {
      nghttp2_submit_rst_stream(session_, NGHTTP2_FLAG_NONE, call.stream_, NGHTTP2_CANCEL);
      request_flush();
    }
    return;
  }
  if (!call.is_dispatched_) {
    return;
  }
  const bool waits = !call.reader_.at_boundary() || (!call.has_message_ && !call.method_->client_streams);
  if (call.deadline_ != Instant::max() && now - call.deadline_ >= kDeadlineGrace) {
    refuse(call, Code::deadline_exceeded, "context deadline exceeded");
  } else if (waits && now - call.waits_since_ > limits_.message_timeout) {
    refuse(call, Code::deadline_exceeded, "quorate: the request's message did not arrive in time");
  }
}

bool Http2Session::check_stall(Instant now) {
  const std::size_t unsent = output_.unsent_bytes();
  const std::uint64_t taken = written_bytes_ - std::min<std::uint64_t>(unsent, written_bytes_);
  if (taken != taken_bytes_ || queued_total_ + unsent == 0) {
    taken_bytes_ = taken;
    taken_at_ = now;
    return true;
  }
  const Duration stalled = now - taken_at_;
  if (queued_total_ + unsent > limits_.max_unsent_bytes && stalled > kOverfullPatience) {
    return false;
  }
  return unsent == 0 || stalled <= limits_.stall_timeout;
}

bool Http2Session::check_keepalive(Instant now) {
  if (has_pinged_) {
    return now - pinged_ <= limits_.keepalive_timeout;
  }
  if (now - heard_ > limits_.keepalive_interval) {
    has_pinged_ = true;
    pinged_ = now;
    nghttp2_submit_ping(session_, NGHTTP2_FLAG_NONE, nullptr);
    request_flush();
  }
  return true;
}

}  // namespace quorate::rpc
