// A client's connection: which protocol it speaks, by its first bytes, and then that protocol's session.

#include <algorithm>
#include <optional>
#include <string>

#include "rpc/http1_session.h"
#include "rpc/http2_session.h"
#include "rpc/server.h"

namespace quorate::rpc {
namespace {

constexpr std::string_view kHttp2Preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

class SniffingConnection final : public Connection {
 public:
  SniffingConnection(const ServerLimits& limits, Handler& handler, HttpHandler& http, Output& output)
      : limits_(limits), handler_(handler), http_(http), output_(output) {}

  bool receive(Buffer bytes, Instant now) override {
    if (http2_ != nullptr) {
      return http2_->receive(bytes.view(), now);
    }
    if (http1_ != nullptr) {
      return http1_->receive(bytes.view(), now);
    }
    return sniff(bytes.view(), now);
  }

  bool flush() override {
    if (http2_ != nullptr) {
      return http2_->flush();
    }
    return http1_ != nullptr ? http1_->flush() : !is_shut_down_;
  }

  void on_drained() override {
    if (http2_ != nullptr) {
      http2_->on_drained();
    }
  }

  bool check_timeouts(Instant now) override {
    if (http2_ != nullptr) {
      return http2_->check_timeouts(now);
    }
    if (http1_ != nullptr) {
      return http1_->check_timeouts(now);
    }
    if (!born_.has_value()) {
      born_ = now;
    }
    const Duration limit = first_bytes_.empty() ? limits_.first_byte_timeout : limits_.header_timeout;
    return now - *born_ <= limit;
  }

  void shut_down() override {
    is_shut_down_ = true;
    if (http2_ != nullptr) {
      http2_->shut_down();
    } else if (http1_ != nullptr) {
      http1_->shut_down();
    } else {
      output_.request_flush();
    }
  }

  bool wants_flush() const override {
    return (http2_ != nullptr && http2_->wants_flush()) || (http1_ != nullptr && http1_->wants_flush());
  }

 private:
  /// HTTP/2 by prior knowledge begins with its preface; everything else is HTTP/1.1 or wrong.
  bool sniff(ByteView bytes, Instant now) {
    if (!born_.has_value()) {
      born_ = now;
    }
    first_bytes_.append(bytes);
    const std::size_t compared = std::min(first_bytes_.size(), kHttp2Preface.size());
    if (first_bytes_.compare(0, compared, kHttp2Preface, 0, compared) != 0) {
      http1_ = std::make_unique<Http1Session>(limits_, http_, output_, now);
      return http1_->receive(std::exchange(first_bytes_, {}), now);
    }
    if (compared < kHttp2Preface.size()) {
      return true;
    }
    http2_ = std::make_unique<Http2Session>(limits_, handler_, output_, now);
    const std::string first = std::exchange(first_bytes_, {});
    return http2_->receive(first, now);
  }

  ServerLimits limits_;
  Handler& handler_;
  HttpHandler& http_;
  Output& output_;
  std::string first_bytes_;  ///< until the protocol is known: less than the preface and one read
  std::unique_ptr<Http1Session> http1_;
  std::unique_ptr<Http2Session> http2_;
  std::optional<Instant> born_;
  bool is_shut_down_ = false;
};

}  // namespace

std::unique_ptr<Connection> Connection::make(const ServerLimits& limits, Handler& handler, HttpHandler& http,
                                             Output& output) {
  return std::make_unique<SniffingConnection>(limits, handler, http, output);
}

}  // namespace quorate::rpc
