#pragma once
// One stream between two nodes, as frames. Whose it is, and whether it may speak, its owner decides.
//
// Invariants: 1. after close() or on_lost no frame is delivered. 2. what is given to send() leaves as whole frames in
//                one Stream::send. 3. a connection is not destroyed inside its own events: its owner lays it aside
//                until the end of the turn.
// Owned by a link, or by the mesh while it is unknown who speaks. On the loop.

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "env/transport.h"
#include "peer/frame.h"
#include "peer/handshake.h"

namespace quorate::peer {

class Connection;

/// How a connection ended that its owner did not close.
struct Loss {
  bool by_damage = false;  ///< bytes broke the format; else the stream closed
  env::CloseReason reason = env::CloseReason::local;
  std::string_view detail;  ///< for a person
};

class ConnectionOwner {
 public:
  virtual ~ConnectionOwner() = default;
  virtual void on_connected(Connection& connection) = 0;
  /// Bytes of a connection in order arrived; frames follow when they are whole.
  virtual void on_heard(Connection& connection, std::size_t bytes) = 0;
  virtual void on_frame(Connection& connection, Frame& frame) = 0;
  /// The last call. The connection is closed.
  virtual void on_lost(Connection& connection, const Loss& loss) = 0;
};

class Connection final : public env::StreamEvents {
 public:
  /// Frames are bounded as a handshake needs them until allow_messages().
  explicit Connection(ConnectionOwner& owner) : owner_(&owner), reader_(kMaxHandshakeBytes) {}

  void connect(env::Transport& transport, std::string_view address) { stream_ = transport.connect(address, *this); }
  void accept(std::unique_ptr<env::Stream> stream) { stream_ = std::move(stream); }

  void set_owner(ConnectionOwner& owner) { owner_ = &owner; }
  void allow_messages(std::size_t max_frame_bytes) { reader_.set_limit(max_frame_bytes); }

  void send(FrameBatch& batch);
  /// One frame by itself.
  void send(FrameType type, Incarnation sender, std::string body);
  [[nodiscard]] std::size_t unsent_bytes() const { return stream_ == nullptr ? 0 : stream_->unsent_bytes(); }

  /// No event follows. The stream itself closes when this object is destroyed.
  void close() { closed_ = true; }
  [[nodiscard]] bool is_closed() const { return closed_; }

 private:
  void on_opened() override;
  void on_bytes(Buffer bytes) override;
  void on_drained() override {}
  void on_closed(env::CloseReason reason, std::string_view detail) override;

  ConnectionOwner* owner_;
  std::unique_ptr<env::Stream> stream_;
  FrameReader reader_;
  bool closed_ = false;
};

}  // namespace quorate::peer
