#pragma once
// Client connections: from accepted byte streams to rpc::Connection and back.
//
// Invariants: 1. what a turn produced for a connection leaves in one Stream::send. 2. at most `max_connections` at a
//                time; more are closed at once, so that peers and files always find descriptors. 3. a connection is
//                destroyed only at the end of a turn, never inside its own calls.
// Owned by the node, on the loop.

#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "env/clock.h"
#include "env/loop.h"
#include "env/transport.h"
#include "rpc/server.h"

namespace quorate::server {

class ClientConnection;

class ClientListener : public env::AcceptEvents {
 public:
  ClientListener(const rpc::ServerLimits& limits, rpc::Handler& handler, rpc::HttpHandler& http, env::Loop& loop,
                 const env::Clock& clock, std::size_t max_connections);
  ~ClientListener() override;
  ClientListener(const ClientListener&) = delete;
  ClientListener& operator=(const ClientListener&) = delete;

  env::StreamEvents& on_accepted(std::unique_ptr<env::Stream> stream, std::string_view remote) override;

  /// Asks every client to go away once its calls have ended.
  void shut_down();
  /// Writes what is queued now: before the process ends.
  void flush();

  [[nodiscard]] std::size_t connection_count() const { return connections_.size(); }
  [[nodiscard]] std::uint64_t refused_count() const { return refused_; }

 private:
  friend class ClientConnection;
  void needs_flush(ClientConnection& connection);
  void flush_turn(std::uint64_t);
  void check_timeouts(std::uint64_t);

  rpc::ServerLimits limits_;
  rpc::Handler& handler_;
  rpc::HttpHandler& http_;
  env::Loop& loop_;
  const env::Clock& clock_;
  std::size_t max_connections_;
  std::vector<std::unique_ptr<ClientConnection>> connections_;
  std::vector<ClientConnection*> flush_;  ///< touched in this turn
  bool flush_deferred_ = false;
  env::TimerId timer_ = 0;
  std::uint64_t refused_ = 0;
};

}  // namespace quorate::server
