#pragma once
// Byte streams between nodes. TCP in production; in a simulation chunks may be lost, repeated or reordered, so
// who sends gives whole frames to each send() and who receives checks every frame.

#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "base/result.h"

namespace quorate::env {

/// Why a stream ended.
enum class CloseReason : std::uint8_t {
  local,        ///< this side closed it
  remote,       ///< the other side closed it in order
  reset,        ///< the other side's process is gone (RST): a hint that it died
  refused,      ///< nobody listens there
  unreachable,  ///< no route, a time-out or a name that does not resolve
};

/// Receives what happens to a stream, on the loop. on_closed is the last call.
class StreamEvents {
 public:
  virtual ~StreamEvents() = default;
  virtual void on_opened() = 0;
  virtual void on_bytes(Buffer bytes) = 0;
  /// Everything handed to send() was taken by the network.
  virtual void on_drained() = 0;
  /// `detail` is for a person: the system's words and the address.
  virtual void on_closed(CloseReason reason, std::string_view detail) = 0;
};

class Stream {
 public:
  /// Destroying a stream closes it; no event follows.
  virtual ~Stream() = default;
  /// Queues the chunks. Never blocks; the caller bounds what it queues by unsent_bytes().
  virtual void send(std::span<const Buffer> chunks) = 0;
  /// Bytes handed to send() that the network has not taken yet.
  [[nodiscard]] virtual std::size_t unsent_bytes() const = 0;
};

/// Receives accepted streams, on the loop.
class AcceptEvents {
 public:
  virtual ~AcceptEvents() = default;
  /// Must return the events of the new stream, which stay valid until on_closed or the stream's destruction.
  virtual StreamEvents& on_accepted(std::unique_ptr<Stream> stream, std::string_view remote) = 0;
};

class Transport {
 public:
  virtual ~Transport() = default;
  /// Starts to connect to "host:port"; on_opened or on_closed follows, never inside the call.
  [[nodiscard]] virtual std::unique_ptr<Stream> connect(std::string_view address, StreamEvents& events) = 0;
  /// Accepts streams on "host:port" until the transport is destroyed.
  [[nodiscard]] virtual Status listen(std::string_view address, AcceptEvents& events) = 0;
};

}  // namespace quorate::env
