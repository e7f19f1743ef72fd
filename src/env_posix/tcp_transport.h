#pragma once
// TCP as env::Transport: for the links between nodes and for the listeners of the front ends.
//
// Invariants: 1. accepted streams are open: on_opened is for connecting ones. 2. running out of descriptors refuses
//                new connections at once and leaves the others alone. 3. names are resolved off the loop, except by
//                listen(), which is for start-up.
// Sockets have TCP_NODELAY; accepted ones TCP keep-alive as well (a client that vanished is noticed in 90 s).
// Owned by `server`, on the loop; the loop outlives transport and streams, streams may outlive the transport.

#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "env/transport.h"
#include "env_posix/loop.h"
#include "env_posix/receive_blocks.h"
#include "env_posix/resolver.h"

namespace quorate::env_posix {

class TcpTransport final : public env::Transport {
 public:
  explicit TcpTransport(EventLoop& loop);
  ~TcpTransport() override;
  TcpTransport(const TcpTransport&) = delete;
  TcpTransport& operator=(const TcpTransport&) = delete;

  [[nodiscard]] std::unique_ptr<env::Stream> connect(std::string_view address, env::StreamEvents& events) override;

  /// Port 0 takes a free one: see last_port(). ErrorCode::busy: the port is taken; the text says by whom if the system
  /// tells. ErrorCode::not_found: the host does not resolve. ErrorCode::io: any other refusal of the system.
  [[nodiscard]] Status listen(std::string_view address, env::AcceptEvents& events) override;

  /// The port of the last successful listen().
  [[nodiscard]] std::uint16_t last_port() const { return last_port_; }

 private:
  class Listener;

  EventLoop& loop_;
  std::shared_ptr<ReceiveBlocks> blocks_;
  Resolver resolver_;
  std::vector<std::unique_ptr<Listener>> listeners_;
  std::uint16_t last_port_ = 0;
};

}  // namespace quorate::env_posix
