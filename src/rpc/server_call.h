#pragma once
// One gRPC call on an HTTP/2 stream: what arrived of it and what waits to be sent.
//
// Invariants: 1. after finish() the handler never sees the call again; the object lives until its stream closed.
//             2. the response begins with the first message of a stream, or when a unary call ends: then headers,
//                message and trailers leave together. 3. bytes are copied once, from the parts into the output.
// Owned by its Http2Session; taken from and given back to a pool of the thread.

#include <array>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "rpc/grpc_message.h"
#include "rpc/output_blocks.h"
#include "rpc/server.h"

namespace quorate::rpc {

class Http2Session;

class ServerCall final : public Call {
 public:
  [[nodiscard]] static std::unique_ptr<ServerCall> take(Http2Session& session, std::int32_t stream);
  static void give_back(std::unique_ptr<ServerCall> call);

  // Call, for the handler.
  [[nodiscard]] const Method& method() const override { return *method_; }
  [[nodiscard]] std::string_view metadata(std::string_view key) const override;
  [[nodiscard]] Instant deadline() const override { return deadline_; }
  void send(std::span<const Buffer> parts) override;
  [[nodiscard]] std::size_t unsent_bytes() const override;
  void finish(Code code, std::string_view text) override;

 private:
  friend class Http2Session;

  /// A piece of the response: the prefix, if a message begins here, then the bytes.
  struct Piece {
    Buffer bytes;
    std::uint8_t prefix_size = 0;
    std::array<char, kMessagePrefixBytes> prefix{};
  };

  void take_header(std::string_view name, std::string_view value, const Handler& handler, Instant now);
  void add_metadata(std::string_view name, std::string_view value);
  /// Moves `size` of the queued bytes to `output`.
  void write_queued(std::size_t size, OutputBlocks& output);
  void clear();

  Http2Session* session_ = nullptr;
  std::int32_t stream_ = 0;
  std::size_t index_ = 0;  ///< in the session's list of calls
  const Method* method_ = nullptr;
  Instant deadline_ = Instant::max();
  Instant waits_since_;  ///< for the rest of a message, or for a unary call's message
  Instant progressed_;   ///< when bytes of the answer last left, or were queued

  // Request.
  std::string metadata_;  ///< names and values, one behind the other
  struct Entry {
    std::uint16_t name_begin, name_size, value_begin, value_size;
  };
  std::vector<Entry> entries_;
  std::string path_;      ///< only if no method was found for it
  std::string encoding_;  ///< grpc-encoding, if not identity
  std::size_t header_bytes_ = 0;
  MessageReader reader_;
  bool is_post_ = false;
  bool is_grpc_ = false;
  bool has_bad_timeout_ = false;
  bool has_message_ = false;     ///< the first whole message was handed over
  bool is_dispatched_ = false;   ///< the handler knows the call
  bool is_half_closed_ = false;  ///< the client sends no more

  // Response.
  std::vector<Piece> queue_;
  std::size_t queue_head_ = 0;
  std::size_t head_offset_ = 0;  ///< bytes of the head piece (prefix included) already written
  std::size_t queued_bytes_ = 0;
  bool is_submitted_ = false;
  bool is_deferred_ = false;
  bool is_finished_ = false;
  mutable bool is_congested_ = false;  ///< the producer saw more than it may queue
  Code code_ = Code::ok;
  std::string text_;  ///< percent-encoded
};

}  // namespace quorate::rpc
