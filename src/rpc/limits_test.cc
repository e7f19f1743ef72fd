// What a client may not do: sizes, rates and time-outs at limit - 1, limit and limit + 1, floods and garbage.

#include <memory>
#include <string>

#include <gtest/gtest.h>

#include "rpc/h2_test_client.h"
#include "rpc/server.h"
#include "rpc/test_service.h"

namespace quorate::rpc {
namespace {

using testing::framed;
using testing::TestHandler;
using testing::TestHttp;
using testing::Wire;

constexpr Duration kSecond = std::chrono::seconds(1);

/// An HTTP/2 frame from its parts.
std::string frame(std::uint8_t type, std::uint8_t flags, std::uint32_t stream, std::string_view payload) {
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

class LimitsTest : public ::testing::Test {
 protected:
  void connect(const ServerLimits& limits = {}) {
    wire = std::make_unique<Wire>(handler, http, limits);
    wire->run();
  }
  testing::TestClient& client() { return wire->client; }
  const testing::Response& response(std::int32_t stream) { return wire->client.response(stream); }
  void expect_calm_down(std::string_view text) {
    EXPECT_FALSE(wire->is_open);
    // The last frame: GOAWAY with the error and the text. Raw, since nghttp2's client gives up on answers to
    // frames that it did not send itself.
    const std::string end = std::string("\0\0\0\x0B", 4) + std::string(text);
    EXPECT_TRUE(wire->received.ends_with(end)) << wire->received.substr(wire->received.size() - 60);
  }

  TestHandler handler;
  TestHttp http;
  std::unique_ptr<Wire> wire;
};

TEST_F(LimitsTest, MessageSize) {
  connect({.max_message_bytes = 1000});
  const auto below = client().unary("/test.Service/Echo", std::string(999, 'x'));
  const auto at = client().unary("/test.Service/Echo", std::string(1000, 'x'));
  const auto above = client().unary("/test.Service/Echo", std::string(1001, 'x'));
  wire->run();
  EXPECT_EQ(response(below).status(), "0");
  EXPECT_EQ(response(at).status(), "0");
  EXPECT_EQ(response(above).status(), "8");
  EXPECT_EQ(response(above).text(), "grpc: received message larger than max (1001 vs. 1000)");
  EXPECT_EQ(handler.gone, 1);
}

TEST_F(LimitsTest, AMessageIsRefusedByItsLengthBeforeItArrives) {
  connect();
  const auto stream = client().open("/test.Service/Echo");
  client().send_raw(stream, std::string("\0\xFF\xFF\xFF\xFF", 5));
  wire->run();
  EXPECT_EQ(response(stream).status(), "8");
  EXPECT_EQ(response(stream).text(), "grpc: received message larger than max (4294967295 vs. 2097152)");
}

TEST_F(LimitsTest, PartialMessagesOfAConnection) {
  connect({.max_message_bytes = 1'000'000, .max_partial_bytes = 100'000});
  std::vector<std::int32_t> streams;
  for (int i = 0; i < 4; ++i) {
    streams.push_back(client().open("/test.Service/Echo"));
    client().send_raw(streams.back(), framed(std::string(500'000, 'x')).substr(0, 30'000));
    wire->run();
  }
  EXPECT_FALSE(response(streams[2]).is_closed);
  EXPECT_EQ(response(streams[3]).status(), "8");
  client().reset(streams[0]);  // what it held is free again
  wire->run();
  const auto next = client().open("/test.Service/Echo");
  client().send_raw(next, framed(std::string(500'000, 'x')).substr(0, 20'000));
  wire->run();
  EXPECT_FALSE(response(next).is_closed);
}

TEST_F(LimitsTest, ConcurrentStreams) {
  connect({.max_concurrent_streams = 10});
  std::vector<std::int32_t> streams;
  for (int i = 0; i < 11; ++i) {
    streams.push_back(client().unary("/test.Service/Hold", "x"));
  }
  wire->run();
  EXPECT_EQ(handler.held.size(), 10U);  // the client waits: the setting told it to
  handler.held[0]->finish(Code::ok);
  wire->run();
  EXPECT_EQ(handler.begun, 11);
}

TEST_F(LimitsTest, StreamsAboveTheLimitAreRefusedAndNotServed) {
  wire = std::make_unique<Wire>(handler, http, ServerLimits{.max_concurrent_streams = 10});
  std::vector<std::int32_t> streams;
  for (int i = 0; i < 11; ++i) {  // sent before the client knows the setting
    streams.push_back(client().unary("/test.Service/Hold", "x"));
  }
  wire->run();
  EXPECT_EQ(handler.begun, 10);
  EXPECT_EQ(response(streams[10]).error, static_cast<std::uint32_t>(NGHTTP2_REFUSED_STREAM));
  EXPECT_TRUE(wire->is_open);
}

TEST_F(LimitsTest, HeaderBytes) {
  connect({.max_header_bytes = 2000});
  // What the client sends by itself, plus 32 a field, as RFC 9113 counts.
  std::size_t own = 0;
  for (const auto& [name, value] : testing::Headers{{":method", "POST"},
                                                    {":scheme", "http"},
                                                    {":path", "/test.Service/Echo"},
                                                    {":authority", "test"},
                                                    {"content-type", "application/grpc"},
                                                    {"te", "trailers"}}) {
    own += name.size() + value.size() + 32;
  }
  const std::size_t room = 2000 - own - 32 - 1;
  const auto at = client().unary("/test.Service/Echo", "x", {{"k", std::string(room, 'v')}});
  const auto above = client().unary("/test.Service/Echo", "x", {{"k", std::string(room + 1, 'v')}});
  wire->run();
  EXPECT_EQ(response(at).status(), "0");
  EXPECT_EQ(response(above).error, static_cast<std::uint32_t>(NGHTTP2_INTERNAL_ERROR));
  EXPECT_EQ(handler.begun, 1);
}

TEST_F(LimitsTest, RapidResets) {
  connect({.reset_burst = 20, .resets_per_second = 10});
  auto reset_one = [&] {
    const auto stream = client().unary("/test.Service/Hold", "x");
    wire->run();
    client().reset(stream);
    wire->run();
  };
  for (int i = 0; i < 20; ++i) {
    reset_one();
  }
  EXPECT_TRUE(wire->is_open);
  wire->now += kSecond;  // ten more
  for (int i = 0; i < 10; ++i) {
    reset_one();
  }
  EXPECT_TRUE(wire->is_open);
  reset_one();
  expect_calm_down("too_many_resets");
}

TEST_F(LimitsTest, ResetsThatTheClientProvokes) {
  connect({.reset_burst = 20, .resets_per_second = 10});
  int sent = 0;
  while (wire->is_open && sent < 30) {
    const auto stream = client().unary("/test.Service/Hold", "x");
    wire->run();
    // A stream's window above 2^31-1 is a stream error: the server resets it (CVE-2025-8671).
    wire->feed(frame(NGHTTP2_WINDOW_UPDATE, 0, static_cast<std::uint32_t>(stream), "\x7F\xFF\xFF\xFF"));
    ++sent;
  }
  EXPECT_EQ(sent, 21);
  wire->flush();
  expect_calm_down("too_many_resets");
}

TEST_F(LimitsTest, ControlFrames) {
  const std::string settings = frame(NGHTTP2_SETTINGS, 0, 0, {});
  const std::string priority = frame(NGHTTP2_PRIORITY, 0, 1, std::string("\0\0\0\0\x10", 5));
  for (const std::string& flood : {settings, priority}) {
    connect({.control_frames_per_second = 50});
    int sent = 0;
    while (wire->is_open && sent < 100) {
      wire->feed(flood);
      ++sent;
    }
    EXPECT_GE(sent, 49);
    EXPECT_LE(sent, 51);
    wire->flush();
    expect_calm_down("too_many_control_frames");
  }
}

TEST_F(LimitsTest, EmptyDataFrames) {
  connect({.control_frames_per_second = 50});
  const auto stream = client().open("/test.Service/Chat");
  wire->run();
  int sent = 0;
  while (wire->is_open && sent < 100) {
    wire->feed(frame(NGHTTP2_DATA, 0, static_cast<std::uint32_t>(stream), {}));
    ++sent;
  }
  EXPECT_LE(sent, 51);
  wire->flush();
  expect_calm_down("too_many_control_frames");
}

TEST_F(LimitsTest, AFloodInOneReadIsCutToo) {
  connect({.control_frames_per_second = 50});
  std::string flood;
  for (int i = 0; i < 5000; ++i) {
    flood += frame(NGHTTP2_SETTINGS, 0, 0, {});
  }
  wire->feed(flood);
  EXPECT_FALSE(wire->is_open);
  EXPECT_LT(wire->output.bytes.size(), 10'000U);
}

TEST_F(LimitsTest, Continuations) {
  connect();
  std::string bytes = frame(NGHTTP2_HEADERS, 0, 1, "\x83");
  for (int i = 0; i < 100; ++i) {
    bytes += frame(NGHTTP2_CONTINUATION, 0, 1, std::string(100, '\x83'));
  }
  wire->feed(bytes);
  EXPECT_FALSE(wire->is_open);
  EXPECT_EQ(handler.begun, 0);
}

TEST_F(LimitsTest, PingsTooOften) {
  connect({.keepalive_min_time = std::chrono::seconds(5)});
  client().unary("/test.Service/Hold", "x");
  wire->run();
  for (int i = 0; i < 4; ++i) {  // the first counts from nothing, then three strikes
    EXPECT_TRUE(wire->is_open) << i;
    client().ping();
    wire->run();
    wire->now += std::chrono::milliseconds(4900);
  }
  expect_calm_down("too_many_pings");
}

TEST_F(LimitsTest, PingsInTimeWithACall) {
  connect({.keepalive_min_time = std::chrono::seconds(5)});
  client().unary("/test.Service/Hold", "x");
  wire->run();
  for (int i = 0; i < 20; ++i) {
    client().ping();
    wire->run();
    wire->now += std::chrono::seconds(5);
  }
  EXPECT_TRUE(wire->is_open);
  EXPECT_EQ(client().ping_acks, 20);
}

TEST_F(LimitsTest, PingsWithoutACallAreStrikes) {
  connect({.keepalive_min_time = std::chrono::seconds(5)});
  for (int i = 0; i < 4; ++i) {
    client().ping();
    wire->run();
    wire->now += std::chrono::seconds(60);
  }
  expect_calm_down("too_many_pings");
}

TEST_F(LimitsTest, PingsAfterAnswersAreExcused) {
  connect({.keepalive_min_time = std::chrono::seconds(5)});
  for (int i = 0; i < 50; ++i) {  // bandwidth probes of a busy client
    client().unary("/test.Service/Echo", "x");
    wire->run();
    client().ping();
    wire->run();
  }
  EXPECT_TRUE(wire->is_open);
}

TEST_F(LimitsTest, AnswersForgiveStrikes) {
  connect({.keepalive_min_time = std::chrono::seconds(5)});
  client().unary("/test.Service/Hold", "x");
  wire->run();
  for (int round = 0; round < 3; ++round) {
    for (int i = 0; i < 3; ++i) {  // two strikes
      client().ping();
      wire->run();
    }
    client().unary("/test.Service/Echo", "x");
    wire->run();
  }
  EXPECT_TRUE(wire->is_open);
}

TEST_F(LimitsTest, FirstByte) {
  wire = std::make_unique<Wire>(handler, http);
  wire->pass({});
  wire->pass(5 * kSecond);
  EXPECT_TRUE(wire->is_open);
  wire->pass(kSecond);
  EXPECT_FALSE(wire->is_open);
}

TEST_F(LimitsTest, PrefaceDrip) {
  wire = std::make_unique<Wire>(handler, http);
  const std::string bytes = client().take_bytes();
  std::size_t sent = 0;
  while (wire->is_open && sent < 30) {
    wire->feed(bytes.substr(sent++, 1));
    wire->pass(kSecond);
  }
  EXPECT_EQ(sent, 11U);
}

TEST_F(LimitsTest, SettingsMissing) {
  wire = std::make_unique<Wire>(handler, http);
  wire->feed("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
  wire->pass(10 * kSecond);
  EXPECT_TRUE(wire->is_open);
  wire->pass(kSecond);
  EXPECT_FALSE(wire->is_open);
}

TEST_F(LimitsTest, HeaderBlockDrip) {
  connect();
  client().unary("/test.Service/Echo", "x");
  const std::string bytes = client().take_bytes();
  wire->feed(bytes.substr(0, 20));
  wire->pass(10 * kSecond);
  EXPECT_TRUE(wire->is_open);
  wire->pass(kSecond);
  EXPECT_FALSE(wire->is_open);
}

TEST_F(LimitsTest, MessageDrip) {
  connect();
  const auto unary = client().open("/test.Service/Echo");
  const auto chat = client().open("/test.Service/Chat");
  client().send_raw(chat, framed("hello").substr(0, 7));
  const auto idle = client().open("/test.Service/Chat");
  wire->run();
  wire->pass(30 * kSecond);
  wire->run();
  EXPECT_FALSE(response(unary).is_closed);
  wire->pass(kSecond);
  wire->run();
  EXPECT_EQ(response(unary).status(), "4");
  EXPECT_EQ(response(chat).status(), "4");
  EXPECT_FALSE(response(idle).is_closed);  // a stream may be silent
  EXPECT_TRUE(wire->is_open);
}

TEST_F(LimitsTest, AMessageHasItsTimeFromItsFirstByte) {
  connect();
  const auto chat = client().open("/test.Service/Chat");
  wire->run();
  wire->pass(25 * kSecond);
  client().send_raw(chat, framed("hello").substr(0, 7));
  wire->run();
  wire->pass(30 * kSecond);
  wire->run();
  EXPECT_FALSE(response(chat).is_closed);
  wire->pass(kSecond);
  wire->run();
  EXPECT_EQ(response(chat).status(), "4");
}

TEST_F(LimitsTest, AClientThatDoesNotRead) {
  connect({.max_unsent_bytes = 100'000});
  client().unary("/test.Service/Hold", "1");
  client().unary("/test.Service/Hold", "2");
  wire->run();
  wire->output.holds_back = true;
  const Buffer big = Buffer::copy_of(std::string(200'000, 'b'));
  Call& call = *handler.held[0];
  std::erase(handler.held, &call);
  call.send({&big, 1});
  call.finish(Code::ok);
  wire->flush();
  // New calls are refused, and without progress the connection is cut.
  const auto refused = client().unary("/test.Service/Echo", "3");
  wire->feed(client().take_bytes());
  EXPECT_EQ(handler.begun, 2);
  wire->pass(kSecond);
  wire->pass(5 * kSecond);
  EXPECT_TRUE(wire->is_open);
  wire->pass(kSecond);
  EXPECT_FALSE(wire->is_open);
  client().receive(wire->output.bytes);
  EXPECT_EQ(response(refused).status(), "8");
}

TEST_F(LimitsTest, AStalledAnswerIsGivenUp) {
  connect();
  client().reads_data = false;
  const auto stream = client().unary("/test.Service/Echo", std::string(100'000, 'e'));
  wire->run();
  wire->pass(60 * kSecond);
  wire->run();
  EXPECT_FALSE(response(stream).is_closed);
  wire->pass(kSecond);
  wire->run();
  EXPECT_TRUE(response(stream).is_closed);
  EXPECT_EQ(response(stream).error, static_cast<std::uint32_t>(NGHTTP2_CANCEL));
}

TEST_F(LimitsTest, ASilentClientIsPingedAndThenCut) {
  connect();
  wire->pass(std::chrono::hours(2));
  wire->pass(kSecond);
  EXPECT_TRUE(wire->is_open);
  wire->output.holds_back = true;  // the PING does not arrive
  wire->pass(20 * kSecond);
  EXPECT_TRUE(wire->is_open);
  wire->pass(kSecond);
  EXPECT_FALSE(wire->is_open);
}

TEST_F(LimitsTest, AnIdleClientThatAnswersPingsStays) {
  connect();
  for (int i = 0; i < 5; ++i) {
    wire->pass(std::chrono::hours(3));
    wire->run();
    wire->pass(kSecond);
  }
  EXPECT_TRUE(wire->is_open);
}

TEST_F(LimitsTest, GarbageAfterThePrefaceEndsTheConnection) {
  wire = std::make_unique<Wire>(handler, http);
  wire->feed("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + std::string(1000, '\xFF'));
  EXPECT_FALSE(wire->is_open);
}

}  // namespace
}  // namespace quorate::rpc
