#include "rpc/http2_session.h"

#include <array>
#include <memory>
#include <utility>

#include "rpc/http2_callbacks.h"

namespace quorate::rpc {
namespace {

constexpr std::size_t kFlushBytes = 256U << 10;  // pulled from nghttp2 at most, while the socket has not taken them

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

// Calls that ended.

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

}  // namespace quorate::rpc
