#include "rpc/http1_session.h"

#include <utility>

namespace quorate::rpc {
namespace {

constexpr std::size_t kMaxWaitingBytes = 64U << 10;
constexpr Duration kIdleTimeout = std::chrono::minutes(2);

}  // namespace

/// Shared with the handler; forgets the session when that goes away.
class Http1Session::Responder : public HttpResponder {
 public:
  explicit Responder(Http1Session& session) : session_(&session) {}
  void respond(HttpResponse response) override {
    if (Http1Session* session = std::exchange(session_, nullptr); session != nullptr) {
      session->respond(std::move(response));
    }
  }
  void forget() { session_ = nullptr; }

 private:
  Http1Session* session_;
};

Http1Session::Http1Session(const ServerLimits& limits, HttpHandler& handler, Output& output, Instant now)
    : limits_(limits),
      handler_(handler),
      output_(output),
      parser_(limits.max_header_bytes, limits.max_message_bytes),
      waits_since_(now) {}

Http1Session::~Http1Session() {
  if (responder_ != nullptr) {
    responder_->forget();
  }
}

bool Http1Session::receive(std::string_view bytes, Instant now) {
  if (is_closing_) {
    return false;
  }
  if (parser_.is_idle()) {
    waits_since_ = now;
  }
  is_calling_ = true;
  if (responder_ == nullptr) {
    read_requests(bytes);
  } else if (waiting_.size() + bytes.size() > kMaxWaitingBytes) {
    is_closing_ = true;
  } else {
    waiting_.append(bytes);
  }
  is_calling_ = false;
  return !is_closing_;
}

void Http1Session::read_requests(std::string_view input) {
  while (!input.empty() && responder_ == nullptr && !is_closing_) {
    const Http1Parser::State state = parser_.feed(input);
    if (state == Http1Parser::State::refused) {
      keeps_alive_ = false;
      is_head_request_ = false;
      write_response({.status = parser_.status(), .body = std::string(http_reason(parser_.status())) + "\n"});
      return;
    }
    if (parser_.take_expects_continue()) {
      out_ += "HTTP/1.1 100 Continue\r\n\r\n";
    }
    if (state == Http1Parser::State::needs_more) {
      return;
    }
    HttpRequest request = parser_.take_request();
    keeps_alive_ = parser_.keeps_alive();
    is_head_request_ = request.method == "HEAD";
    parser_.reset();
    responder_ = std::make_shared<Responder>(*this);
    const std::shared_ptr<Responder> responder = responder_;
    handler_.on_request(std::move(request), responder);
  }
  if (responder_ != nullptr && !input.empty()) {
    if (input.size() > kMaxWaitingBytes) {
      is_closing_ = true;
    } else {
      waiting_ = input;
    }
  }
}

void Http1Session::respond(HttpResponse response) {
  responder_ = nullptr;
  write_response(response);
  if (!is_calling_) {
    is_calling_ = true;
    read_requests(std::exchange(waiting_, {}));
    is_calling_ = false;
    output_.request_flush();
  }
}

void Http1Session::write_response(const HttpResponse& response) {
  const bool closes = !keeps_alive_ || is_draining_;
  out_ += "HTTP/1.1 " + std::to_string(response.status) + " " + std::string(http_reason(response.status)) + "\r\n";
  out_ += "Content-Type: " + response.content_type + "\r\n";
  out_ += "Content-Length: " + std::to_string(response.body.size()) + "\r\n";
  for (const auto& [name, value] : response.headers) {
    out_.append(name).append(": ").append(value).append("\r\n");
  }
  out_ += closes ? "Connection: close\r\n\r\n" : "\r\n";
  if (!is_head_request_) {
    out_ += response.body;
  }
  is_closing_ = is_closing_ || closes;
}

bool Http1Session::flush() {
  if (!out_.empty()) {
    const Buffer bytes = Buffer::adopt(std::exchange(out_, {}));
    output_.write({&bytes, 1});
  }
  return !(is_closing_ && output_.unsent_bytes() == 0);
}

bool Http1Session::check_timeouts(Instant now) {
  const std::size_t unsent = output_.unsent_bytes();
  if (unsent > 0) {
    if (unsent != unsent_) {
      waits_since_ = now;
    }
    unsent_ = unsent;
    return now - waits_since_ <= limits_.stall_timeout;
  }
  if (unsent_ > 0 || responder_ != nullptr) {
    unsent_ = 0;
    waits_since_ = now;
    return true;
  }
  return now - waits_since_ <= (parser_.is_idle() ? kIdleTimeout : limits_.header_timeout);
}

void Http1Session::shut_down() {
  is_draining_ = true;
  if (responder_ == nullptr && parser_.is_idle()) {
    is_closing_ = true;
    output_.request_flush();
  }
}

}  // namespace quorate::rpc
