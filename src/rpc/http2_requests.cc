// The request's side of calls: from nghttp2's frames to the handler, and what is refused on the way.

#include <memory>
#include <string>
#include <string_view>

#include "rpc/http2_session.h"

namespace quorate::rpc {
namespace {

constexpr std::size_t kHeaderFieldOverhead = 32;  // RFC 9113, 6.5.2: SETTINGS_MAX_HEADER_LIST_SIZE

}  // namespace

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

}  // namespace quorate::rpc
