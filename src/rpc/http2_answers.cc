// The answer's side of calls: when what a handler gave leaves, and the header blocks of responses and trailers.

#include <algorithm>
#include <array>
#include <string_view>

#include "rpc/http2_session.h"

namespace quorate::rpc {
namespace {

/// A field whose bytes outlive the session: nghttp2 need not copy them.
nghttp2_nv field(std::string_view name, std::string_view value, std::uint8_t flags = 0) {
  // nghttp2 only reads them, though its type does not say so.
  auto bytes = [](std::string_view text) {
    return const_cast<std::uint8_t*>(reinterpret_cast<const std::uint8_t*>(text.data()));
  };
  return {bytes(name), bytes(value), name.size(), value.size(),
          static_cast<std::uint8_t>(NGHTTP2_NV_FLAG_NO_COPY_NAME | NGHTTP2_NV_FLAG_NO_COPY_VALUE | flags)};
}

/// A text of its own: copied, and kept out of the table that later answers use.
nghttp2_nv text_field(std::string_view name, std::string_view value) {
  nghttp2_nv result = field(name, value);
  result.flags = NGHTTP2_NV_FLAG_NO_COPY_NAME | NGHTTP2_NV_FLAG_NO_INDEX;
  return result;
}

std::string_view digits(Code code) {
  constexpr std::array<std::string_view, 17> kDigits = {"0", "1",  "2",  "3",  "4",  "5",  "6",  "7", "8",
                                                        "9", "10", "11", "12", "13", "14", "15", "16"};
  return kDigits[static_cast<std::size_t>(code)];
}

}  // namespace

void Http2Session::begin_response(ServerCall& call) {
  call.is_submitted_ = true;
  const std::array<nghttp2_nv, 2> headers = {field(":status", "200"), field("content-type", "application/grpc")};
  nghttp2_data_provider body;
  body.source.ptr = &call;
  body.read_callback = [](nghttp2_session*, std::int32_t, std::uint8_t*, std::size_t room, std::uint32_t* flags,
                          nghttp2_data_source* source, void* owner) {
    return static_cast<Http2Session*>(owner)->read_response(*static_cast<ServerCall*>(source->ptr), room, *flags);
  };
  nghttp2_submit_response(session_, call.stream_, headers.data(), headers.size(), &body);
}

void Http2Session::submit_trailers(ServerCall& call) {
  const std::array<nghttp2_nv, 2> trailers = {field("grpc-status", digits(call.code_)),
                                              text_field("grpc-message", call.text_)};
  nghttp2_submit_trailer(session_, call.stream_, trailers.data(), call.text_.empty() ? 1 : 2);
}

void Http2Session::submit_trailers_only(ServerCall& call) {
  call.is_submitted_ = true;
  const std::array<nghttp2_nv, 4> headers = {field(":status", "200"), field("content-type", "application/grpc"),
                                             field("grpc-status", digits(call.code_)),
                                             text_field("grpc-message", call.text_)};
  nghttp2_submit_response(session_, call.stream_, headers.data(), call.text_.empty() ? 3 : 4, nullptr);
}

void Http2Session::submit_http_error(ServerCall& call, std::string_view status, Code code, std::string_view text) {
  call.is_submitted_ = true;
  call.is_finished_ = true;
  const std::array<nghttp2_nv, 4> headers = {field(":status", status), field("content-type", "application/grpc"),
                                             field("grpc-status", digits(code)), field("grpc-message", text)};
  nghttp2_submit_response(session_, call.stream_, headers.data(), headers.size(), nullptr);
}

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

}  // namespace quorate::rpc
