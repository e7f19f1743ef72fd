// Hostile bytes on the client port: HTTP/1.1, HTTP/2 and gRPC, whole, cut and slow. The server must not crash, must not
// hold more memory than its limits say, and must serve a well-behaved client on another connection all the same.
//
// Input: mode, chunk size, then bytes. Mode bit 0: frames are built with right lengths from the bytes, after a preface;
// else they go in as they are. Bit 1: the handler's waiting calls are answered in between.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/assert.h"
#include "rpc/h2_test_client.h"
#include "rpc/server.h"
#include "rpc/test_service.h"

namespace {

using namespace quorate;

std::string frame(unsigned type, unsigned flags, unsigned stream, std::string_view payload) {
  std::string bytes;
  for (const int shift : {16, 8, 0}) {
    bytes.push_back(static_cast<char>(payload.size() >> shift));
  }
  bytes.push_back(static_cast<char>(type));
  bytes.push_back(static_cast<char>(flags));
  for (const int shift : {24, 16, 8, 0}) {
    bytes.push_back(static_cast<char>(stream >> shift));
  }
  return bytes.append(payload);
}

/// A header block of a call to one of the test service's methods.
std::string header_block(unsigned which) {
  constexpr std::string_view kPaths[] = {"/test.Service/Echo", "/test.Service/Hold", "/test.Service/Chat",
                                         "/test.Service/Fail", "/test.Service/None"};
  const std::string_view path = kPaths[which % 5];
  std::string block = "\x83\x86\x04";  // POST, http, :path as a literal
  block.push_back(static_cast<char>(path.size()));
  block.append(path);
  block.append(
      "\x0F\x10\x10"
      "application/grpc",
      19);  // content-type
  return block;
}

/// Reads (type, flags, stream, size, payload) records and writes frames.
std::string build_frames(std::string_view input) {
  std::string bytes = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + frame(4, 0, 0, {});
  while (input.size() >= 4) {
    const auto type = static_cast<unsigned char>(input[0]);
    const auto flags = static_cast<unsigned char>(input[1]);
    const unsigned stream = static_cast<unsigned char>(input[2]);
    const std::size_t size = std::min<std::size_t>(static_cast<unsigned char>(input[3]), input.size() - 4);
    const std::string_view payload = input.substr(4, size);
    input.remove_prefix(4 + size);
    if (type >= 0xF0) {  // a whole call: valid headers, the payload as one message
      bytes += frame(1, 4, stream | 1U, header_block(type));
      bytes += frame(0, flags & 1U, stream | 1U, rpc::testing::framed(payload));
    } else if (type >= 0xE0) {
      bytes += frame(1, 4 | (flags & 1U), stream | 1U, header_block(type));
    } else {
      bytes += frame(type % 16, flags, stream, payload);
    }
  }
  return bytes;
}

void answer_held(rpc::testing::TestHandler& handler) {
  while (!handler.held.empty()) {
    rpc::Call* call = handler.held.back();
    handler.held.pop_back();
    const Buffer parts[] = {Buffer::copy_of("an answer"), Buffer::copy_of(std::string(3000, 'x'))};
    call->send(parts);
    call->finish(rpc::Code::ok);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2 || size > 64U << 10) {
    return 0;
  }
  const unsigned mode = data[0];
  const std::size_t chunk = data[1] == 0 ? size : data[1];
  const std::string_view rest(reinterpret_cast<const char*>(data) + 2, size - 2);
  const std::string bytes = (mode & 1U) != 0 ? build_frames(rest) : std::string(rest);

  rpc::testing::TestHandler handler;
  rpc::testing::TestHttp http;
  {
    const rpc::ServerLimits limits{.max_message_bytes = 100'000, .max_partial_bytes = 200'000};
    rpc::testing::TestOutput output;
    const auto connection = rpc::Connection::make(limits, handler, http, output);
    Instant now{};
    for (std::size_t at = 0; at < bytes.size(); at += chunk) {
      const std::string_view part = std::string_view(bytes).substr(at, chunk);
      now += std::chrono::milliseconds(1);
      const bool goes_on = connection->receive(Buffer::copy_of(part), now);
      if ((mode & 2U) != 0) {
        answer_held(handler);
      }
      if (!connection->flush() || !goes_on) {
        break;
      }
    }
    (void)connection->check_timeouts(now + std::chrono::seconds(20));
    (void)connection->flush();
  }
  QUORATE_ASSERT(handler.held.empty() && handler.streams.empty(), "no call outlives its connection");

  rpc::testing::Wire wire(handler, http);
  const auto stream = wire.client.unary("/test.Service/Echo", "still served");
  wire.run();
  QUORATE_ASSERT(wire.client.response(stream).status() == "0", "another connection is served");
  return 0;
}
