#pragma once
// An HTTP/1.1 connection: requests one after the other, each answered before the next is read.
//
// Invariants: 1. at most one request is with the handler; bytes behind it wait, bounded. 2. a response that comes after
//                the connection went away is dropped. 3. after a refused request the connection closes.
// Owned by its Connection, on the loop.

#include <memory>
#include <string>
#include <string_view>

#include "rpc/http1_parser.h"
#include "rpc/server.h"

namespace quorate::rpc {

class Http1Session {
 public:
  Http1Session(const ServerLimits& limits, HttpHandler& handler, Output& output, Instant now);
  ~Http1Session();
  Http1Session(const Http1Session&) = delete;
  Http1Session& operator=(const Http1Session&) = delete;

  [[nodiscard]] bool receive(std::string_view bytes, Instant now);
  [[nodiscard]] bool flush();
  [[nodiscard]] bool check_timeouts(Instant now);
  void shut_down();
  [[nodiscard]] bool wants_flush() const { return !out_.empty(); }

 private:
  class Responder;

  void read_requests(std::string_view input);
  void respond(HttpResponse response);
  void write_response(const HttpResponse& response);

  ServerLimits limits_;
  HttpHandler& handler_;
  Output& output_;
  Http1Parser parser_;
  std::shared_ptr<Responder> responder_;  ///< of the request that is with the handler
  std::string waiting_;                   ///< bytes behind that request
  std::string out_;
  bool is_head_request_ = false;
  bool keeps_alive_ = true;
  bool is_calling_ = false;  ///< inside receive(): a flush follows anyway
  bool is_closing_ = false;
  bool is_draining_ = false;
  Instant waits_since_;  ///< for the rest of a request, for the next one, or for the client to read
  std::size_t unsent_ = 0;
};

}  // namespace quorate::rpc
