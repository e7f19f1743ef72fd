#include "rpc/http2_session.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <string>

#include "base/assert.h"
#include "rpc/http2_callbacks.h"

namespace quorate::rpc {
namespace {

constexpr std::size_t kFlushBytes = 256U << 10;  // pulled from nghttp2 at most, while the socket has not taken them
constexpr Duration kDeadlineGrace = std::chrono::seconds(1);  // the handler's own answer comes first
constexpr Duration kOverfullPatience = std::chrono::seconds(5);
constexpr std::size_t kHeaderFieldOverhead = 32;  // RFC 9113, 6.5.2: SETTINGS_MAX_HEADER_LIST_SIZE

}  // namespace

Http2Session::Http2Session(const ServerLimits& limits, Handler& handler, Output& output, Instant now)
    : limits_(limits),
      handler_(handler),
      output_(output),
      guard_(limits),
      now_(now),
      born_(now),
      heard_(now),
      taken_at_(now) {
  session_ = make_server_session(*this);
  const std::array<nghttp2_settings_entry, 4> settings = {{
      {NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, limits_.max_concurrent_streams},
      {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, limits_.stream_window_bytes},
      {NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, static_cast<std::uint32_t>(limits_.max_header_bytes)},
      {NGHTTP2_SETTINGS_NO_RFC7540_PRIORITIES, 1},  // no dependency tree to keep
  }};
  nghttp2_submit_settings(session_, NGHTTP2_FLAG_NONE, settings.data(), settings.size());
  nghttp2_session_set_local_window_size(session_, NGHTTP2_FLAG_NONE, 0,
                                        static_cast<std::int32_t>(limits_.connection_window_bytes));
}

Http2Session::~Http2Session() {
  is_broken_ = true;  // handlers that end their calls now reach nobody
  while (!calls_.empty()) {
    remove_call(*calls_.back());
  }
  nghttp2_session_del(session_);
}

bool Http2Session::is_over() const {
  return is_broken_ || is_closing_ || (is_draining_ && calls_.empty()) ||
         (nghttp2_session_want_read(session_) == 0 && nghttp2_session_want_write(session_) == 0);
}

// Bytes in and out.

bool Http2Session::receive(ByteView bytes, Instant now) {
  now_ = now;
  heard_ = now;
  has_pinged_ = false;
  if (is_broken_ || is_closing_) {
    return false;
  }
  is_calling_ = true;
  const ssize_t taken =
      nghttp2_session_mem_recv(session_, reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size());
  is_calling_ = false;
  if (taken < 0) {
    is_broken_ = true;
  }
  return !is_over();
}

bool Http2Session::flush() {
  if (is_broken_) {
    return false;
  }
  OutputBlocks& output = OutputBlocks::of_this_thread();
  is_calling_ = true;
  do {
    is_flush_full_ = output_.unsent_bytes() >= kFlushBytes;
    if (!is_flush_full_) {
      pull_frames(output);
    }
    if (output.pending_bytes() > 0) {
      written_bytes_ += output.pending_bytes();
      output_.write(output.take());
      output.release();
    }
  } while (is_flush_full_ && !is_broken_ && output_.unsent_bytes() == 0);
  is_calling_ = false;
  resume_producers();
  return !is_broken_ && !(is_over() && !is_flush_full_ && output_.unsent_bytes() == 0);
}

void Http2Session::pull_frames(OutputBlocks& output) {
  while (!is_flush_full_) {
    const std::uint8_t* bytes = nullptr;
    const ssize_t size = nghttp2_session_mem_send(session_, &bytes);
    if (size < 0) {
      is_broken_ = true;
    }
    if (size <= 0) {
      return;
    }
    output.append(ByteView(reinterpret_cast<const char*>(bytes), static_cast<std::size_t>(size)));
    is_flush_full_ = output.pending_bytes() >= kFlushBytes;
  }
}

int Http2Session::send_data(ServerCall& call, const std::uint8_t* frame_head, std::size_t size) {
  constexpr std::size_t kFrameHeadBytes = 9;
  OutputBlocks& output = OutputBlocks::of_this_thread();
  if (output.pending_bytes() >= kFlushBytes) {
    is_flush_full_ = true;
    return NGHTTP2_ERR_WOULDBLOCK;
  }
  output.append(ByteView(reinterpret_cast<const char*>(frame_head), kFrameHeadBytes));
  call.write_queued(size, output);
  call.progressed_ = now_;
  queued_total_ -= size;
  return 0;
}

bool Http2Session::wants_flush() const { return !is_broken_ && nghttp2_session_want_write(session_) != 0; }

void Http2Session::request_flush() {
  if (!is_calling_ && !is_broken_) {
    output_.request_flush();
  }
}

void Http2Session::on_drained() {
  resume_producers();
  if (wants_flush()) {
    request_flush();
  }
}

void Http2Session::resume_producers() {
  const std::size_t unsent = output_.unsent_bytes();
  if (congested_calls_ == 0 || unsent > kResumeBelowBytes || is_broken_) {
    return;
  }
  for (std::size_t i = 0; i < calls_.size(); ++i) {  // a producer may end calls, which leaves them in the list
    ServerCall& call = *calls_[i];
    if (call.is_congested_ && call.queued_bytes_ + unsent <= kResumeBelowBytes) {
      call.is_congested_ = false;
      --congested_calls_;
      if (call.is_dispatched_ && !call.is_finished_) {
        handler_.on_writable(call);
      }
    }
  }
}

void Http2Session::shut_down() {
  if (is_draining_ || is_broken_) {
    return;
  }
  is_draining_ = true;
  nghttp2_submit_goaway(session_, NGHTTP2_FLAG_NONE, nghttp2_session_get_last_proc_stream_id(session_),
                        NGHTTP2_NO_ERROR, nullptr, 0);
  request_flush();
}

// Calls: the request's side.

ServerCall* Http2Session::call_of(std::int32_t stream) const {
  return static_cast<ServerCall*>(nghttp2_session_get_stream_user_data(session_, stream));
}

void Http2Session::begin_frame(std::uint8_t type) {
  // Frames without a use here are skipped, so that nothing else reports them.
  if (type == NGHTTP2_PRIORITY || type > NGHTTP2_CONTINUATION) {
    count_control_frame();
  }
}

void Http2Session::begin_headers(const nghttp2_frame& frame) {
  is_in_headers_ = true;
  headers_began_ = now_;
  if (frame.headers.cat != NGHTTP2_HCAT_REQUEST) {
    return;
  }
  std::unique_ptr<ServerCall> call = ServerCall::take(*this, frame.hd.stream_id);
  call->waits_since_ = now_;
  call->progressed_ = now_;
  call->index_ = calls_.size();
  nghttp2_session_set_stream_user_data(session_, frame.hd.stream_id, call.get());
  calls_.push_back(std::move(call));
}

int Http2Session::take_header(const nghttp2_frame& frame, std::string_view name, std::string_view value) {
  ServerCall* call = call_of(frame.hd.stream_id);
  if (call == nullptr) {
    return 0;
  }
  call->header_bytes_ += name.size() + value.size() + kHeaderFieldOverhead;
  if (call->header_bytes_ > limits_.max_header_bytes) {
    return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;  // nghttp2 resets the stream
  }
  if (frame.headers.cat == NGHTTP2_HCAT_REQUEST) {
    call->take_header(name, value, handler_, now_);
  }
  return 0;
}

void Http2Session::headers_complete(ServerCall& call) {
  if (!call.is_post_) {
    submit_http_error(call, "405", Code::internal, "quorate: gRPC calls are POST requests");
    return;
  }
  if (!call.is_grpc_) {
    submit_http_error(call, "415", Code::unknown, "invalid gRPC request content-type");
    return;
  }
  if (call.has_bad_timeout_) {
    refuse(call, Code::internal, "malformed grpc-timeout");
    return;
  }
  if (call.method_ == nullptr) {
    refuse_unknown(call);
    return;
  }
  if (const std::size_t unsent = queued_total_ + output_.unsent_bytes(); unsent > limits_.max_unsent_bytes) {
    refuse(call, Code::resource_exhausted,
           "quorate: " + std::to_string(unsent) + " bytes of answers wait on this connection to be read, limit " +
               std::to_string(limits_.max_unsent_bytes));
    return;
  }
  call.is_dispatched_ = true;
  handler_.on_call(call);
}

void Http2Session::take_data(ServerCall& call, ByteView bytes) {
  while (!bytes.empty() && call.is_dispatched_ && !call.is_finished_) {
    if (call.has_message_ && !call.method_->client_streams) {
      return;  // a unary call has one message; the rest is nobody's
    }
    const bool was_at_boundary = call.reader_.at_boundary();
    const std::size_t held_before = call.reader_.held_bytes();
    Buffer message;
    const MessageReader::Event event = call.reader_.next(bytes, limits_.max_message_bytes, message);
    held_bytes_ += call.reader_.held_bytes() - held_before;
    if (event == MessageReader::Event::message) {
      call.has_message_ = true;
      handler_.on_message(call, std::move(message));
    } else if (event != MessageReader::Event::needs_more) {
      refuse_message(call, event);
    } else if (held_bytes_ > limits_.max_partial_bytes) {
      refuse(call, Code::resource_exhausted,
             "quorate: incomplete messages on this connection hold more than " +
                 std::to_string(limits_.max_partial_bytes) + " bytes");
    } else if (was_at_boundary) {
      call.waits_since_ = now_;
    }
  }
}

void Http2Session::request_ended(ServerCall& call) {
  call.is_half_closed_ = true;
  if (!call.is_dispatched_ || call.is_finished_) {
    return;
  }
  if (!call.reader_.at_boundary()) {
    refuse(call, Code::internal, "unexpected EOF");
  } else if (call.method_->client_streams) {
    handler_.on_half_close(call);
  } else if (!call.has_message_) {
    refuse(call, Code::internal, "grpc: the request ended without a message");
  }
}

void Http2Session::refuse(ServerCall& call, Code code, std::string_view text) {
  if (call.is_dispatched_) {
    call.is_dispatched_ = false;
    handler_.on_call_gone(call);
  }
  call.finish(code, text);
}

void Http2Session::refuse_message(ServerCall& call, MessageReader::Event why) {
  if (why == MessageReader::Event::too_large) {
    refuse(call, Code::resource_exhausted,
           "grpc: received message larger than max (" + std::to_string(call.reader_.length()) + " vs. " +
               std::to_string(limits_.max_message_bytes) + ")");
  } else if (why == MessageReader::Event::bad_flag) {
    refuse(call, Code::internal, "grpc: received unexpected payload format " + std::to_string(call.reader_.flag()));
  } else if (call.encoding_.empty()) {
    refuse(call, Code::internal, "grpc: compressed flag set with identity or empty encoding");
  } else {
    refuse(call, Code::unimplemented,
           "grpc: Decompressor is not installed for grpc-encoding \"" + call.encoding_ + "\"");
  }
}

void Http2Session::refuse_unknown(ServerCall& call) {
  std::string_view path = call.path_;
  if (path.starts_with('/')) {
    path.remove_prefix(1);
  }
  const std::size_t slash = path.rfind('/');
  if (slash == std::string_view::npos) {
    refuse(call, Code::unimplemented, "malformed method name: \"" + call.path_ + "\"");
    return;
  }
  const std::string service(path.substr(0, slash));
  const std::string name(path.substr(slash + 1));
  refuse(
      call, Code::unimplemented,
      handler_.serves(service) ? "unknown method " + name + " for service " + service : "unknown service " + service);
}

void Http2Session::frame_received(const nghttp2_frame& frame) {
  const bool ends_stream = (frame.hd.flags & NGHTTP2_FLAG_END_STREAM) != 0;
  const bool is_ack = (frame.hd.flags & NGHTTP2_FLAG_ACK) != 0;
  switch (frame.hd.type) {
    case NGHTTP2_HEADERS:
    case NGHTTP2_DATA: {
      ServerCall* call = call_of(frame.hd.stream_id);
      if (frame.hd.type == NGHTTP2_DATA) {
        if (frame.hd.length == frame.data.padlen && !ends_stream) {
          count_control_frame();
        }
      } else {
        is_in_headers_ = false;
        if (call != nullptr && frame.headers.cat == NGHTTP2_HCAT_REQUEST) {
          headers_complete(*call);
        }
      }
      if (call != nullptr && ends_stream) {
        request_ended(*call);
      }
      break;
    }
    case NGHTTP2_SETTINGS:
      has_settings_ = true;
      if (!is_ack) {
        count_control_frame();
      }
      break;
    case NGHTTP2_PING:
      if (!is_ack) {
        count_control_frame();
        if (!guard_.allows_ping(now_, !calls_.empty())) {
          calm_down("too_many_pings");
        }
      }
      break;
    case NGHTTP2_PRIORITY: count_control_frame(); break;
    case NGHTTP2_RST_STREAM: count_reset(); break;
    default: break;
  }
}

// Calls: the answer's side.

void Http2Session::message_queued(ServerCall& call) {
  call.progressed_ = now_;
  if (!call.method_->server_streams) {
    return;  // leaves with finish()
  }
  if (!call.is_submitted_) {
    begin_response(call);
  } else if (call.is_deferred_) {
    call.is_deferred_ = false;
    nghttp2_session_resume_data(session_, call.stream_);
  }
  request_flush();
}

void Http2Session::call_finished(ServerCall& call) {
  call.progressed_ = now_;
  if (is_broken_) {
    return;
  }
  if (call.is_submitted_) {
    if (call.is_deferred_) {
      call.is_deferred_ = false;
      nghttp2_session_resume_data(session_, call.stream_);
    }
  } else if (call.queued_bytes_ > 0) {
    begin_response(call);
  } else {
    submit_trailers_only(call);
  }
  request_flush();
}

ssize_t Http2Session::read_response(ServerCall& call, std::size_t room, std::uint32_t& flags) {
  const std::size_t size = std::min(room, call.queued_bytes_);
  if (size == 0 && !call.is_finished_) {
    call.is_deferred_ = true;
    return NGHTTP2_ERR_DEFERRED;
  }
  flags |= NGHTTP2_DATA_FLAG_NO_COPY;
  if (call.is_finished_ && size == call.queued_bytes_) {
    flags |= NGHTTP2_DATA_FLAG_EOF | NGHTTP2_DATA_FLAG_NO_END_STREAM;
    submit_trailers(call);
  }
  return static_cast<ssize_t>(size);
}

void Http2Session::frame_sent(const nghttp2_frame& frame) {
  if (frame.hd.type == NGHTTP2_RST_STREAM) {
    if (frame.rst_stream.error_code == NGHTTP2_REFUSED_STREAM) {
      count_control_frame();  // above the concurrency limit: no work was done for it
    } else if (frame.rst_stream.error_code != NGHTTP2_NO_ERROR) {
      count_reset();
    }
    return;
  }
  if (frame.hd.type != NGHTTP2_HEADERS && frame.hd.type != NGHTTP2_DATA) {
    return;
  }
  guard_.on_response_sent();
  if ((frame.hd.flags & NGHTTP2_FLAG_END_STREAM) != 0) {
    const ServerCall* call = call_of(frame.hd.stream_id);
    if (call != nullptr && !call->is_half_closed_) {
      // RFC 9113, 8.1: the answer is complete before the request is; the client need not go on.
      nghttp2_submit_rst_stream(session_, NGHTTP2_FLAG_NONE, frame.hd.stream_id, NGHTTP2_NO_ERROR);
    }
  }
}

void Http2Session::stream_closed(std::int32_t stream) {
  if (ServerCall* call = call_of(stream); call != nullptr) {
    nghttp2_session_set_stream_user_data(session_, stream, nullptr);
    remove_call(*call);
  }
}

void Http2Session::remove_call(ServerCall& call) {
  if (call.is_dispatched_ && !call.is_finished_) {
    call.is_finished_ = true;
    handler_.on_call_gone(call);
  }
  queued_total_ -= call.queued_bytes_;
  held_bytes_ -= call.reader_.held_bytes();
  congested_calls_ -= call.is_congested_ ? 1 : 0;
  std::unique_ptr<ServerCall> removed = std::move(calls_[call.index_]);
  if (call.index_ + 1 != calls_.size()) {
    calls_[call.index_] = std::move(calls_.back());
    calls_[call.index_]->index_ = call.index_;
  }
  calls_.pop_back();
  ServerCall::give_back(std::move(removed));
}

// Abuse and time.

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
