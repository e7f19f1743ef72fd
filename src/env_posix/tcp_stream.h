#pragma once
// One TCP connection as a byte stream, connecting or accepted.
//
// Invariants: 1. what send() collects in a turn leaves in one system call at the turn's end. 2. on_closed is the last
//                event; no event comes from inside a call of the owner. 3. events may destroy the stream.
//             4. an idle stream holds no buffer. 5. a stream takes at most kReceiveBudget bytes a turn, so that one
//                fast sender does not hold up the others.
// Owned by its user, on the loop. Destroying an open stream writes what the system takes at once, then closes.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "env/transport.h"
#include "env_posix/address.h"
#include "env_posix/loop.h"
#include "env_posix/receive_blocks.h"

namespace quorate::env_posix {

class TcpStream final : public env::Stream, private Source {
 public:
  static constexpr std::size_t kReceiveBudget = 256U << 10;

  /// A stream that waits for connect_to() or give_up(); `name` is what the user called the other side.
  TcpStream(EventLoop& loop, std::shared_ptr<ReceiveBlocks> blocks, env::StreamEvents& events, std::string name);
  /// Takes over an accepted, non-blocking socket. No events until start().
  TcpStream(EventLoop& loop, std::shared_ptr<ReceiveBlocks> blocks, int descriptor, std::string name);
  ~TcpStream() override;

  void send(std::span<const Buffer> chunks) override;
  [[nodiscard]] std::size_t unsent_bytes() const override { return unsent_bytes_; }

  /// Names the stream in the loop, for those who must not hold a pointer to it.
  [[nodiscard]] SourceId id() const { return id_; }
  /// The stream behind an id, or null if it was destroyed.
  [[nodiscard]] static TcpStream* find(const EventLoop& loop, SourceId id);

  /// Tries the addresses one after the other; on_opened or on_closed follows in a later turn.
  void connect_to(std::vector<SocketAddress> addresses);
  /// on_closed follows in a later turn.
  void give_up(env::CloseReason reason, std::string detail);
  /// Accepted streams: from now on `events` is told.
  void start(env::StreamEvents& events);

 private:
  enum class State : std::uint8_t { connecting, open, closing, closed };

  void on_ready(Readiness readiness) override;
  void on_turn_end() override;

  void try_next_address();
  void finish_connecting();
  void receive();
  /// Writes what the system takes. False: the connection is broken, `errno` tells why.
  bool write_some();
  void consume(std::size_t size);
  void flush();
  void fail_with(int system_error);
  void close(env::CloseReason reason, std::string detail);
  void close_descriptor();

  EventLoop& loop_;
  const std::shared_ptr<ReceiveBlocks> blocks_;
  env::StreamEvents* events_ = nullptr;
  SourceId id_ = 0;
  int descriptor_ = -1;
  State state_ = State::connecting;
  bool flush_requested_ = false;
  bool blocked_ = false;                                       ///< the system's buffer is full: wait until writable
  bool hung_up_ = false;                                       ///< the end is in sight: read until it comes
  int write_error_ = 0;                                        ///< writing failed: nothing is sent any more
  env::CloseReason pending_reason_ = env::CloseReason::local;  ///< while closing

  std::vector<Buffer> out_;  ///< from first_out_ on; the first one from sent_of_first_ on
  std::size_t first_out_ = 0;
  std::size_t sent_of_first_ = 0;
  std::size_t unsent_bytes_ = 0;

  std::string name_;
  std::string detail_;                    ///< why the last address failed, or why it closes
  std::vector<SocketAddress> addresses_;  ///< still to try, last first
};

}  // namespace quorate::env_posix
