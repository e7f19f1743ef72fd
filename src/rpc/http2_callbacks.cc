#include "rpc/http2_callbacks.h"

#include <cstdint>
#include <cstring>
#include <memory>
#include <string_view>

#include "base/assert.h"
#include "rpc/http2_session.h"
#include "rpc/session_memory.h"

namespace quorate::rpc {
namespace {

constexpr std::size_t kHeaderTableBytes = 4096;
constexpr std::size_t kMaxQueuedAcks = 64;

std::string_view text_of(nghttp2_rcbuf* buffer) {
  const nghttp2_vec bytes = nghttp2_rcbuf_get_buf(buffer);
  return {reinterpret_cast<const char*>(bytes.base), bytes.len};
}

nghttp2_mem memory_of_this_thread() {
  return {
      .mem_user_data = &SessionMemory::of_this_thread(),
      .malloc = [](std::size_t size, void* memory) { return static_cast<SessionMemory*>(memory)->take(size); },
      .free = [](void* piece, void* memory) { static_cast<SessionMemory*>(memory)->give_back(piece); },
      .calloc =
          [](std::size_t count, std::size_t size, void* memory) {
            void* piece = static_cast<SessionMemory*>(memory)->take(count * size);
            return piece == nullptr ? nullptr : std::memset(piece, 0, count * size);
          },
      .realloc = [](void* piece, std::size_t size,
                    void* memory) { return static_cast<SessionMemory*>(memory)->resize(piece, size); },
  };
}

}  // namespace

/// nghttp2's callbacks, each one step to the session's method.
struct Http2Session::Callbacks {
  static Http2Session& of(void* owner) { return *static_cast<Http2Session*>(owner); }

  static int on_begin_frame(nghttp2_session*, const nghttp2_frame_hd* head, void* owner) {
    of(owner).begin_frame(head->type);
    return 0;
  }
  static int on_begin_headers(nghttp2_session*, const nghttp2_frame* frame, void* owner) {
    of(owner).begin_headers(*frame);
    return 0;
  }
  static int on_header(nghttp2_session*, const nghttp2_frame* frame, nghttp2_rcbuf* name, nghttp2_rcbuf* value,
                       std::uint8_t, void* owner) {
    return of(owner).take_header(*frame, text_of(name), text_of(value));
  }
  static int on_frame_received(nghttp2_session*, const nghttp2_frame* frame, void* owner) {
    of(owner).frame_received(*frame);
    return 0;
  }
  static int on_data(nghttp2_session*, std::uint8_t, std::int32_t stream, const std::uint8_t* bytes, std::size_t size,
                     void* owner) {
    if (ServerCall* call = of(owner).call_of(stream); call != nullptr) {
      of(owner).take_data(*call, ByteView(reinterpret_cast<const char*>(bytes), size));
    }
    return 0;
  }
  static int on_frame_sent(nghttp2_session*, const nghttp2_frame* frame, void* owner) {
    of(owner).frame_sent(*frame);
    return 0;
  }
  static int on_stream_closed(nghttp2_session*, std::int32_t stream, std::uint32_t, void* owner) {
    of(owner).stream_closed(stream);
    return 0;
  }
  static int on_send_data(nghttp2_session*, nghttp2_frame*, const std::uint8_t* head, std::size_t size,
                          nghttp2_data_source* source, void* owner) {
    return of(owner).send_data(*static_cast<ServerCall*>(source->ptr), head, size);
  }

  static nghttp2_session_callbacks* make() {
    nghttp2_session_callbacks* all = nullptr;
    QUORATE_ASSERT(nghttp2_session_callbacks_new(&all) == 0, "there is memory for nghttp2's callbacks");
    nghttp2_session_callbacks_set_on_begin_frame_callback(all, on_begin_frame);
    nghttp2_session_callbacks_set_on_begin_headers_callback(all, on_begin_headers);
    nghttp2_session_callbacks_set_on_header_callback2(all, on_header);
    nghttp2_session_callbacks_set_on_frame_recv_callback(all, on_frame_received);
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(all, on_data);
    nghttp2_session_callbacks_set_on_frame_send_callback(all, on_frame_sent);
    nghttp2_session_callbacks_set_on_stream_close_callback(all, on_stream_closed);
    nghttp2_session_callbacks_set_send_data_callback(all, on_send_data);
    return all;
  }
};

namespace {

nghttp2_option* make_options() {
  nghttp2_option* options = nullptr;
  QUORATE_ASSERT(nghttp2_option_new(&options) == 0, "there is memory for nghttp2's options");
  nghttp2_option_set_no_closed_streams(options, 1);
  nghttp2_option_set_max_deflate_dynamic_table_size(options, kHeaderTableBytes);
  nghttp2_option_set_max_outbound_ack(options, kMaxQueuedAcks);
  // AbuseGuard counts resets, by the clock that it is given; nghttp2 would by the system's.
  nghttp2_option_set_stream_reset_rate_limit(options, UINT64_MAX, UINT64_MAX);
  return options;
}

}  // namespace

nghttp2_session* make_server_session(Http2Session& owner) {
  static const std::unique_ptr<nghttp2_session_callbacks, decltype(&nghttp2_session_callbacks_del)> kCallbacks(
      Http2Session::Callbacks::make(), nghttp2_session_callbacks_del);
  static const std::unique_ptr<nghttp2_option, decltype(&nghttp2_option_del)> kOptions(make_options(),
                                                                                       nghttp2_option_del);
  nghttp2_mem memory = memory_of_this_thread();
  nghttp2_session* session = nullptr;
  QUORATE_ASSERT(nghttp2_session_server_new3(&session, kCallbacks.get(), &owner, kOptions.get(), &memory) == 0,
                 "there is memory for an HTTP/2 session");
  return session;
}

}  // namespace quorate::rpc
