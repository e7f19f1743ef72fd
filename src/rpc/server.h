#pragma once
// A gRPC server over nghttp2 without sockets: bytes in, calls out, bytes back.
//
// One Connection per client connection; it owns the HTTP/2 session and its calls. Calls are handed to the Handler and
// answered later, in any order, by methods of Call. Everything runs on the loop; no locks, no coroutines.
//
// Invariants: 1. limits of docs/limits.md hold before anything is allocated for a request. 2. a Call stays valid until
//                finish() or on_call_gone(); answers after the client went away are ignored. 3. all answers of a turn
//                leave in one write per connection (flush() at the turn's end).
// HTTP/1.1 requests on the same port are recognised by their first bytes and handed to the HttpHandler whole.

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/bytes.h"
#include "base/time.h"

namespace quorate::rpc {

/// gRPC status codes, as on the wire.
enum class Code : std::uint8_t {
  ok = 0,
  cancelled = 1,
  unknown = 2,
  invalid_argument = 3,
  deadline_exceeded = 4,
  not_found = 5,
  already_exists = 6,
  permission_denied = 7,
  resource_exhausted = 8,
  failed_precondition = 9,
  aborted = 10,
  out_of_range = 11,
  unimplemented = 12,
  internal = 13,
  unavailable = 14,
  data_loss = 15,
  unauthenticated = 16,
};

class Call;

/// A method that the server offers. Looked up by path once per call.
struct Method {
  std::string path;  ///< "/etcdserverpb.KV/Put"
  bool client_streams = false;
  bool server_streams = false;
  std::uint32_t id = 0;  ///< the handler's own number for it
};

/// What the layer above does with calls. Called on the loop.
class Handler {
 public:
  virtual ~Handler() = default;
  /// Never null for a path that is served; null answers UNIMPLEMENTED with "unknown method ...".
  [[nodiscard]] virtual const Method* find(std::string_view path) const = 0;
  /// True if some method of this service ("etcdserverpb.KV") is served: chooses between the two UNIMPLEMENTED texts.
  [[nodiscard]] virtual bool serves(std::string_view service) const = 0;
  /// A call began: its metadata is complete. For unary calls on_message follows once.
  virtual void on_call(Call& call) = 0;
  /// One request message; `message` may be kept (it pins only itself).
  virtual void on_message(Call& call, Buffer message) = 0;
  /// The client will send no more messages (streams only).
  virtual void on_half_close(Call& call) = 0;
  /// The client or the connection is gone, or its deadline passed: forget the call. Not called after finish().
  virtual void on_call_gone(Call& call) = 0;
  /// A call whose unsent_bytes() was above kResumeBelowBytes is below it again: its producer may go on.
  virtual void on_writable(Call& /*call*/) {}
};

/// Handler::on_writable comes when a call's unsent bytes have fallen to this.
inline constexpr std::size_t kResumeBelowBytes = 64U << 10;

/// One gRPC call. Owned by its connection.
class Call {
 public:
  virtual ~Call() = default;
  [[nodiscard]] virtual const Method& method() const = 0;
  /// Value of a request metadata key (lower case), empty if absent.
  [[nodiscard]] virtual std::string_view metadata(std::string_view key) const = 0;
  /// The client's grpc-timeout as an instant, or Instant::max().
  [[nodiscard]] virtual Instant deadline() const = 0;

  /// Sends one response message made of the parts, one after the other.
  virtual void send(std::span<const Buffer> parts) = 0;
  /// Bytes of messages not yet taken by flow control or the socket: a stream's producer stops above its bound.
  [[nodiscard]] virtual std::size_t unsent_bytes() const = 0;
  /// Ends the call. The Call must not be used afterwards. For unary success: send(), then finish(ok).
  virtual void finish(Code code, std::string_view text = {}) = 0;

  /// The handler's own word for this call: request slot, stream object.
  void* user = nullptr;
};

struct HttpRequest {
  std::string method;
  std::string target;                                        ///< path and query as sent
  std::vector<std::pair<std::string, std::string>> headers;  ///< names in lower case
  std::string body;
};

struct HttpResponse {
  int status = 200;
  std::string content_type = "text/plain";
  std::string body;
  std::vector<std::pair<std::string, std::string>> headers;
};

/// Answers one HTTP/1.1 request later, on the loop.
class HttpResponder {
 public:
  virtual ~HttpResponder() = default;
  virtual void respond(HttpResponse response) = 0;
};

class HttpHandler {
 public:
  virtual ~HttpHandler() = default;
  /// `responder` stays valid until respond() or until the connection closes (then respond() does nothing: it is
  /// shared).
  virtual void on_request(HttpRequest request, std::shared_ptr<HttpResponder> responder) = 0;
};

struct ServerLimits {
  std::uint32_t max_concurrent_streams = 256;
  std::size_t max_message_bytes = 1'572'864 + 524'288;  ///< etcd: max-request-bytes + 512 KiB
  std::size_t max_header_bytes = 16U << 10;
  std::size_t max_unsent_bytes = 64U << 20;  ///< per connection: a client that does not read is cut
  std::uint32_t reset_burst = 100;           ///< client resets and provoked resets: token bucket
  std::uint32_t resets_per_second = 33;
  std::uint32_t control_frames_per_second = 1000;  ///< PING, SETTINGS, empty DATA, PRIORITY
  Duration keepalive_min_time = std::chrono::seconds(5);
  Duration first_byte_timeout = std::chrono::seconds(5);
  Duration header_timeout = std::chrono::seconds(10);   ///< preface, header block, HTTP/1.1 request
  Duration message_timeout = std::chrono::seconds(30);  ///< from a call's begin to its (first) whole message
  Duration stall_timeout = std::chrono::seconds(60);    ///< a client that takes nothing of what waits for it
  Duration keepalive_interval = std::chrono::hours(2);  ///< silence after which the server sends a PING
  Duration keepalive_timeout = std::chrono::seconds(20);
  std::size_t max_partial_bytes = 32U << 20;  ///< of incomplete messages, per connection
  std::uint32_t stream_window_bytes = 1U << 20;
  std::uint32_t connection_window_bytes = 16U << 20;
};

/// Where a connection's bytes go: implemented over env::Stream.
class Output {
 public:
  virtual ~Output() = default;
  virtual void write(std::span<const Buffer> chunks) = 0;
  [[nodiscard]] virtual std::size_t unsent_bytes() const = 0;
  /// The connection has something for flush(): call it at the end of this turn. Called by the connection whenever a
  /// Call queues an answer outside receive(); repeated calls in a turn are fine.
  virtual void request_flush() = 0;
};

class Connection {
 public:
  [[nodiscard]] static std::unique_ptr<Connection> make(const ServerLimits& limits, Handler& handler, HttpHandler& http,
                                                        Output& output);
  virtual ~Connection() = default;

  /// Feeds bytes from the client. False: the connection must be closed (after flush()).
  [[nodiscard]] virtual bool receive(Buffer bytes, Instant now) = 0;
  /// Writes what the turn produced, in one Output::write. False: close now.
  [[nodiscard]] virtual bool flush() = 0;
  /// The socket took everything.
  virtual void on_drained() = 0;
  /// Enforces time-outs; called about once a second.
  [[nodiscard]] virtual bool check_timeouts(Instant now) = 0;
  /// GOAWAY, then closes when the last call ends.
  virtual void shut_down() = 0;
  /// True if something waits for flush().
  [[nodiscard]] virtual bool wants_flush() const = 0;
};

}  // namespace quorate::rpc
