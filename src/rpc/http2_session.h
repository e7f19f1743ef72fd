#pragma once
// An HTTP/2 connection of a client: nghttp2's session, the calls on it, and the limits of both.
//
// Invariants: 1. the limits of ServerLimits hold before anything is allocated for a request. 2. handlers are called
//                from receive(), flush(), on_drained(), check_timeouts() and the destructor, never after their call
//                ended. 3. flush() stops pulling frames while the socket is behind: what waits, waits in calls, where
//                producers see it. 4. no heap allocation for a unary call in steady state but its message and its
//                answer.
// Owned by its Connection, on the loop. HTTP/2: RFC 9113; gRPC over HTTP/2: the protocol's public description.

#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include <nghttp2/nghttp2.h>

#include "base/bytes.h"
#include "base/time.h"
#include "rpc/abuse_guard.h"
#include "rpc/output_blocks.h"
#include "rpc/server.h"
#include "rpc/server_call.h"

namespace quorate::rpc {

class Http2Session {
 public:
  Http2Session(const ServerLimits& limits, Handler& handler, Output& output, Instant now);
  ~Http2Session();
  Http2Session(const Http2Session&) = delete;
  Http2Session& operator=(const Http2Session&) = delete;

  [[nodiscard]] bool receive(ByteView bytes, Instant now);
  [[nodiscard]] bool flush();
  void on_drained();
  [[nodiscard]] bool check_timeouts(Instant now);
  void shut_down();
  [[nodiscard]] bool wants_flush() const;

 private:
  friend class ServerCall;
  friend nghttp2_session* make_server_session(Http2Session& owner);
  struct Callbacks;  // nghttp2's C functions

  // What nghttp2 reports.
  void begin_frame(std::uint8_t type);
  void begin_headers(const nghttp2_frame& frame);
  int take_header(const nghttp2_frame& frame, std::string_view name, std::string_view value);
  void headers_complete(ServerCall& call);
  void take_data(ServerCall& call, ByteView bytes);
  void request_ended(ServerCall& call);
  void frame_received(const nghttp2_frame& frame);
  void frame_sent(const nghttp2_frame& frame);
  void stream_closed(std::int32_t stream);
  void remove_call(ServerCall& call);
  ssize_t read_response(ServerCall& call, std::size_t room, std::uint32_t& flags);
  [[nodiscard]] ServerCall* call_of(std::int32_t stream) const;

  // Answers.
  void begin_response(ServerCall& call);
  void submit_trailers_only(ServerCall& call);
  void submit_trailers(ServerCall& call);
  void submit_http_error(ServerCall& call, std::string_view status, Code code, std::string_view text);
  void message_queued(ServerCall& call);
  void call_finished(ServerCall& call);
  void refuse(ServerCall& call, Code code, std::string_view text);
  void refuse_message(ServerCall& call, MessageReader::Event why);
  void refuse_unknown(ServerCall& call);

  // Abuse and time.
  void calm_down(std::string_view why);
  void count_control_frame();
  void count_reset();
  void resume_producers();
  void check_call(ServerCall& call, Instant now);
  [[nodiscard]] bool check_stall(Instant now);
  [[nodiscard]] bool check_keepalive(Instant now);
  [[nodiscard]] bool is_over() const;
  int send_data(ServerCall& call, const std::uint8_t* frame_head, std::size_t size);
  void pull_frames(OutputBlocks& output);
  void request_flush();

  ServerLimits limits_;
  Handler& handler_;
  Output& output_;
  nghttp2_session* session_ = nullptr;
  AbuseGuard guard_;
  Instant now_;
  std::vector<std::unique_ptr<ServerCall>> calls_;
  std::size_t queued_total_ = 0;  ///< bytes of answers that wait in calls
  std::size_t held_bytes_ = 0;    ///< of incomplete messages, all calls
  std::size_t congested_calls_ = 0;
  bool is_broken_ = false;      ///< nghttp2 gave up: nothing can be sent any more
  bool is_closing_ = false;     ///< ends as soon as what is queued was written
  bool is_draining_ = false;    ///< ends when the last call has ended
  bool is_calling_ = false;     ///< inside receive() or flush(): a flush follows anyway
  bool has_settings_ = false;   ///< the client's preface is complete
  bool is_in_headers_ = false;  ///< a header block has begun and not ended
  Instant headers_began_;
  Instant born_;
  Instant heard_;            ///< when the client last sent anything
  bool has_pinged_ = false;  ///< the keepalive PING since then
  Instant pinged_;
  bool is_flush_full_ = false;  ///< the flush has all the bytes that it may take
  std::uint64_t written_bytes_ = 0;
  std::uint64_t taken_bytes_ = 0;  ///< of written_bytes_, by the socket, when last looked at
  Instant taken_at_;               ///< when taken_bytes_ last changed, or nothing waited
};

}  // namespace quorate::rpc
