#include "server/client_listener.h"

#include <algorithm>

#include "base/assert.h"

namespace quorate::server {
namespace {

constexpr Duration kTimeoutCheckInterval = std::chrono::seconds(1);

}  // namespace

/// One client: the stream's events on one side, the HTTP/2 session's output on the other.
class ClientConnection : public env::StreamEvents, public rpc::Output {
 public:
  ClientConnection(ClientListener& listener, std::unique_ptr<env::Stream> stream)
      : listener_(listener), stream_(std::move(stream)) {
    if (stream_ != nullptr) {
      session_ = rpc::Connection::make(listener.limits_, listener.handler_, listener.http_, *this);
    }
  }

  void on_opened() override {}

  void on_bytes(Buffer bytes) override {
    if (session_ == nullptr || closing_) {
      return;
    }
    if (!session_->receive(std::move(bytes), listener_.clock_.now())) {
      closing_ = true;
    }
    listener_.needs_flush(*this);
  }

  void on_drained() override {
    if (session_ != nullptr && !closing_) {
      session_->on_drained();
    }
    listener_.needs_flush(*this);  // one that ends was kept for its last bytes
  }

  void on_closed(env::CloseReason /*reason*/, std::string_view /*detail*/) override {
    gone_ = true;
    listener_.needs_flush(*this);
  }

  void write(std::span<const Buffer> chunks) override {
    if (stream_ != nullptr && !gone_) {
      stream_->send(chunks);
    }
  }
  [[nodiscard]] std::size_t unsent_bytes() const override { return stream_ == nullptr ? 0 : stream_->unsent_bytes(); }
  void request_flush() override { listener_.needs_flush(*this); }

  /// Writes the turn's output. False: this connection is over.
  bool flush() {
    if (gone_ || session_ == nullptr) {
      return false;
    }
    const bool healthy = session_->flush();
    return healthy && (!closing_ || stream_->unsent_bytes() > 0);
  }

  bool check_timeouts(Instant now) { return session_ != nullptr && session_->check_timeouts(now); }
  void shut_down() {
    if (session_ != nullptr) {
      session_->shut_down();
      listener_.needs_flush(*this);
    }
  }

  bool queued = false;  ///< stands in the listener's flush list

 private:
  ClientListener& listener_;
  std::unique_ptr<env::Stream> stream_;
  std::unique_ptr<rpc::Connection> session_;
  bool closing_ = false;  ///< the session ended; the rest of its output still leaves
  bool gone_ = false;     ///< the stream is closed
};

ClientListener::ClientListener(const rpc::ServerLimits& limits, rpc::Handler& handler, rpc::HttpHandler& http,
                               env::Loop& loop, const env::Clock& clock, std::size_t max_connections)
    : limits_(limits), handler_(handler), http_(http), loop_(loop), clock_(clock), max_connections_(max_connections) {
  timer_ = loop_.arm(clock_.now() + kTimeoutCheckInterval, Callback<>::to<&ClientListener::check_timeouts>(this));
}

ClientListener::~ClientListener() { loop_.cancel(timer_); }

env::StreamEvents& ClientListener::on_accepted(std::unique_ptr<env::Stream> stream, std::string_view /*remote*/) {
  if (connections_.size() >= max_connections_) {
    ++refused_;
    stream.reset();  // closes it; the connection object only lives to the end of the turn
  }
  connections_.push_back(std::make_unique<ClientConnection>(*this, std::move(stream)));
  ClientConnection& connection = *connections_.back();
  needs_flush(connection);
  return connection;
}

void ClientListener::needs_flush(ClientConnection& connection) {
  if (!connection.queued) {
    connection.queued = true;
    flush_.push_back(&connection);
  }
  if (!flush_deferred_) {
    flush_deferred_ = true;
    loop_.defer(Callback<>::to<&ClientListener::flush_turn>(this));
  }
}

void ClientListener::flush_turn(std::uint64_t) {
  flush_deferred_ = false;
  flush();
}

void ClientListener::flush() {
  std::vector<ClientConnection*> ended;
  for (std::size_t i = 0; i < flush_.size(); ++i) {  // flushing may queue more
    ClientConnection* connection = flush_[i];
    connection->queued = false;
    if (!connection->flush()) {
      ended.push_back(connection);
    }
  }
  flush_.clear();
  if (ended.empty()) {
    return;
  }
  std::sort(ended.begin(), ended.end());
  ended.erase(std::unique(ended.begin(), ended.end()), ended.end());
  std::vector<std::unique_ptr<ClientConnection>> dying;
  std::erase_if(connections_, [&](std::unique_ptr<ClientConnection>& connection) {
    const bool is_over = std::binary_search(ended.begin(), ended.end(), connection.get());
    if (is_over) {
      dying.push_back(std::move(connection));
    }
    return is_over;
  });
  dying.clear();  // calls of a dying connection may ask others for a flush
  std::erase_if(
      flush_, [&](ClientConnection* connection) { return std::binary_search(ended.begin(), ended.end(), connection); });
}

void ClientListener::check_timeouts(std::uint64_t) {
  timer_ = loop_.arm(clock_.now() + kTimeoutCheckInterval, Callback<>::to<&ClientListener::check_timeouts>(this));
  const Instant now = clock_.now();
  for (const std::unique_ptr<ClientConnection>& connection : connections_) {
    if (!connection->check_timeouts(now)) {
      connection->on_closed(env::CloseReason::local, "timed out");
    }
  }
}

void ClientListener::shut_down() {
  for (const std::unique_ptr<ClientConnection>& connection : connections_) {
    connection->shut_down();
  }
}

}  // namespace quorate::server
