// Calls over HTTP/2: what a client sees of answers, errors, streams and endings.

#include "rpc/server.h"

#include <memory>
#include <string>

#include <gtest/gtest.h>

#include "rpc/h2_test_client.h"
#include "rpc/test_service.h"

namespace quorate::rpc {
namespace {

using testing::framed;
using testing::TestHandler;
using testing::TestHttp;
using testing::Wire;
using Texts = std::vector<std::string>;

class ServerTest : public ::testing::Test {
 protected:
  void connect(const ServerLimits& limits = {}) { wire = std::make_unique<Wire>(handler, http, limits); }
  testing::TestClient& client() { return wire->client; }
  const testing::Response& response(std::int32_t stream) { return wire->client.response(stream); }

  TestHandler handler;
  TestHttp http;
  std::unique_ptr<Wire> wire;
};

TEST_F(ServerTest, AnswersAUnaryCallInOneWrite) {
  connect();
  wire->run();
  wire->output.writes = 0;
  const auto stream = client().unary("/test.Service/Echo", "hello");
  wire->run();
  EXPECT_EQ(response(stream).messages, Texts{"hello"});
  EXPECT_EQ(response(stream).header(":status"), "200");
  EXPECT_EQ(response(stream).header("content-type"), "application/grpc");
  EXPECT_EQ(response(stream).status(), "0");
  EXPECT_TRUE(response(stream).is_closed);
  EXPECT_EQ(response(stream).error, 0U);
  EXPECT_EQ(wire->output.writes, 1);
}

TEST_F(ServerTest, AnswersLaterAndOutOfOrder) {
  connect();
  const auto first = client().unary("/test.Service/Hold", "1");
  const auto second = client().unary("/test.Service/Hold", "2");
  wire->run();
  ASSERT_EQ(handler.held.size(), 2U);
  const Buffer answer = Buffer::copy_of("b");
  handler.held[1]->send({&answer, 1});
  handler.held[1]->finish(Code::ok);
  EXPECT_TRUE(wire->output.flush_requested);
  wire->run();
  EXPECT_EQ(response(second).messages, Texts{"b"});
  EXPECT_FALSE(response(first).is_closed);
  handler.held[0]->finish(Code::unavailable, "etcdserver: no leader");
  wire->run();
  EXPECT_EQ(response(first).status(), "14");
  EXPECT_EQ(response(first).text(), "etcdserver: no leader");
  EXPECT_TRUE(response(first).messages.empty());
}

TEST_F(ServerTest, SendsErrorsAsTrailersOnlyWithAnEncodedText) {
  connect();
  const auto stream = client().unary("/test.Service/Fail", "x");
  wire->run();
  EXPECT_EQ(response(stream).status(), "5");
  EXPECT_EQ(response(stream).text(), "no such thing: 100 %25%0A");
  EXPECT_TRUE(response(stream).is_closed);
}

TEST_F(ServerTest, AnswersAllCallsOfATurnInOneWrite) {
  connect();
  wire->run();
  std::vector<std::int32_t> streams;
  for (int i = 0; i < 100; ++i) {
    streams.push_back(client().unary("/test.Service/Echo", std::string(300, 'a')));
  }
  wire->output.writes = 0;
  wire->run();
  EXPECT_EQ(wire->output.writes, 1);
  for (const std::int32_t stream : streams) {
    EXPECT_EQ(response(stream).messages, Texts{std::string(300, 'a')});
    EXPECT_TRUE(response(stream).is_closed);
  }
  EXPECT_EQ(handler.gone, 0);
}

TEST_F(ServerTest, JoinsAMessageFromManyFramesAndManyMessagesFromOne) {
  connect();
  const auto split = client().open("/test.Service/Echo");
  const std::string message(40'000, 'm');  // three DATA frames
  client().send(split, message);
  client().half_close(split);
  const auto chat = client().open("/test.Service/Chat");
  client().send_raw(chat, framed("a") + framed("") + framed("c"));
  wire->run();
  EXPECT_EQ(response(split).messages, Texts{message});
  EXPECT_EQ(response(chat).messages, (Texts{"re: a", "re: ", "re: c"}));
  client().half_close(chat);
  wire->run();
  EXPECT_EQ(response(chat).status(), "0");
  EXPECT_EQ(handler.half_closed, 1);
}

TEST_F(ServerTest, ReadsTheSameFromSingleBytes) {
  connect();
  const auto chat = client().open("/test.Service/Chat");
  client().send(chat, "one");
  client().send(chat, "two");
  const auto echo = client().unary("/test.Service/Echo", "three");
  client().half_close(chat);
  const std::string bytes = client().take_bytes();
  for (const char byte : bytes) {
    wire->feed({&byte, 1});
    ASSERT_TRUE(wire->is_open);
  }
  wire->run();
  EXPECT_EQ(response(chat).messages, (Texts{"re: one", "re: two"}));
  EXPECT_EQ(response(chat).status(), "0");
  EXPECT_EQ(response(echo).messages, Texts{"three"});
}

TEST_F(ServerTest, SendsEmptyAndLargeMessagesOfSeveralParts) {
  connect();
  const auto empty = client().unary("/test.Service/Echo", "");
  const auto hold = client().unary("/test.Service/Hold", "x");
  wire->run();
  EXPECT_EQ(response(empty).messages, Texts{""});
  ASSERT_EQ(handler.held.size(), 1U);
  const std::string big(3'000'000, 'z');  // many frames, shared and not copied; flow control in between
  const Buffer parts[] = {Buffer::copy_of("head "), Buffer{}, Buffer::copy_of(big), Buffer::copy_of(" tail")};
  handler.held[0]->send(parts);
  handler.held[0]->finish(Code::ok);
  wire->run();
  ASSERT_EQ(response(hold).messages.size(), 1U);
  EXPECT_EQ(response(hold).messages[0], "head " + big + " tail");
  EXPECT_EQ(response(hold).status(), "0");
}

TEST_F(ServerTest, TellsUnknownMethodsFromUnknownServices) {
  connect();
  const auto method = client().unary("/test.Service/Nope", "x");
  const auto service = client().unary("/no.Such/Thing", "x");
  const auto malformed = client().unary("/nothing", "x");
  wire->run();
  EXPECT_EQ(response(method).status(), "12");
  EXPECT_EQ(response(method).text(), "unknown method Nope for service test.Service");
  EXPECT_EQ(response(service).status(), "12");
  EXPECT_EQ(response(service).text(), "unknown service no.Such");
  EXPECT_EQ(response(malformed).status(), "12");
  EXPECT_EQ(handler.begun, 0);
}

TEST_F(ServerTest, CutsTextsThatWouldNotFitIntoAHeader) {
  connect();
  const auto stream = client().unary("/no.Such" + std::string(12'000, '%') + "/X", "x");
  wire->run();
  EXPECT_EQ(response(stream).status(), "12");
  EXPECT_TRUE(response(stream).text().starts_with("unknown service no.Such"));
  EXPECT_LT(response(stream).text().size(), 7000U);
}

TEST_F(ServerTest, LeavesNothingOfCancelledCalls) {
  connect();
  for (int i = 0; i < 2000; ++i) {
    wire->now += std::chrono::milliseconds(50);  // below the rate of resets
    const auto stream = client().unary("/test.Service/Hold", "x");
    wire->run();
    client().reset(stream);
    wire->run();
  }
  EXPECT_TRUE(wire->is_open);
  EXPECT_EQ(handler.gone, 2000);
  EXPECT_TRUE(handler.held.empty());
  const auto next = client().unary("/test.Service/Echo", "x");
  wire->run();
  EXPECT_EQ(response(next).status(), "0");
}

TEST_F(ServerTest, RefusesWhatIsNotGrpc) {
  connect();
  const auto type = client().unary("/test.Service/Echo", "x", {{"content-type", "application/json"}});
  const auto prefix = client().unary("/test.Service/Echo", "x", {{"content-type", "application/grpcfoo"}});
  const auto method = client().open("/test.Service/Echo", {{":method", "GET"}}, true);
  const auto proto = client().unary("/test.Service/Echo", "x", {{"content-type", "application/grpc+proto"}});
  wire->run();
  EXPECT_EQ(response(type).header(":status"), "415");
  EXPECT_EQ(response(prefix).header(":status"), "415");
  EXPECT_EQ(response(method).header(":status"), "405");
  EXPECT_EQ(response(proto).status(), "0");
}

TEST_F(ServerTest, RefusesCompressedMessages) {
  connect();
  const auto gzip = client().open("/test.Service/Echo", {{"grpc-encoding", "gzip"}});
  client().send_raw(gzip, std::string("\x01\0\0\0\x02zz", 7));
  const auto unnamed = client().open("/test.Service/Echo");
  client().send_raw(unnamed, std::string("\x01\0\0\0\x02zz", 7));
  const auto wrong = client().open("/test.Service/Echo");
  client().send_raw(wrong, std::string("\x02\0\0\0\x02zz", 7));
  const auto plain = client().unary("/test.Service/Echo", "x", {{"grpc-encoding", "gzip"}});
  wire->run();
  EXPECT_EQ(response(gzip).status(), "12");
  EXPECT_EQ(response(gzip).text(), "grpc: Decompressor is not installed for grpc-encoding \"gzip\"");
  EXPECT_EQ(response(unnamed).status(), "13");
  EXPECT_EQ(response(wrong).status(), "13");
  EXPECT_EQ(response(plain).status(), "0");
  EXPECT_TRUE(handler.messages == Texts{"x"});
}

TEST_F(ServerTest, RefusesRequestsThatEndTooEarly) {
  connect();
  const auto none = client().open("/test.Service/Echo", {}, true);
  const auto cut = client().open("/test.Service/Echo");
  client().send_raw(cut, framed("hello").substr(0, 8));
  client().half_close(cut);
  const auto chat = client().open("/test.Service/Chat");
  client().send_raw(chat, std::string("\0\0", 2));
  client().half_close(chat);
  wire->run();
  EXPECT_EQ(response(none).status(), "13");
  EXPECT_EQ(response(cut).status(), "13");
  EXPECT_EQ(response(chat).status(), "13");
  EXPECT_EQ(response(chat).text(), "unexpected EOF");
  EXPECT_EQ(handler.gone, 3);
}

TEST_F(ServerTest, EndsAStreamWhoseClientWouldGoOn) {
  connect();
  const auto chat = client().open("/test.Service/Chat");
  client().send(chat, "a");
  wire->run();
  ASSERT_EQ(handler.streams.size(), 1U);
  handler.streams[0]->finish(Code::unavailable, "etcdserver: no leader");
  wire->run();
  EXPECT_EQ(response(chat).status(), "14");
  EXPECT_TRUE(response(chat).is_closed);
  EXPECT_EQ(response(chat).error, 0U);
  client().send(chat, "b");  // nobody's any more
  const auto next = client().unary("/test.Service/Echo", "still here");
  wire->run();
  EXPECT_EQ(response(next).messages, Texts{"still here"});
}

TEST_F(ServerTest, PassesMetadataAndDeadline) {
  connect();
  wire->now += std::chrono::seconds(1000);
  client().unary("/test.Service/Echo", "x", {{"hasleader", "true"}, {"grpc-timeout", "250m"}});
  wire->run();
  EXPECT_EQ(handler.seen_metadata, "true");
  EXPECT_EQ(handler.deadline, wire->now + std::chrono::milliseconds(250));
  client().unary("/test.Service/Echo", "x");
  wire->run();
  EXPECT_EQ(handler.seen_metadata, "");
  EXPECT_EQ(handler.deadline, Instant::max());
  const auto wrong = client().unary("/test.Service/Echo", "x", {{"grpc-timeout", "soon"}});
  wire->run();
  EXPECT_EQ(response(wrong).status(), "13");
}

TEST_F(ServerTest, EndsCallsAfterTheirDeadline) {
  connect();
  const auto stream = client().unary("/test.Service/Hold", "x", {{"grpc-timeout", "2S"}});
  wire->run();
  wire->pass(std::chrono::milliseconds(2900));  // the handler has a second to answer by itself
  EXPECT_EQ(handler.held.size(), 1U);
  wire->pass(std::chrono::milliseconds(200));
  EXPECT_TRUE(handler.held.empty());
  wire->run();
  EXPECT_EQ(response(stream).status(), "4");
  EXPECT_EQ(response(stream).text(), "context deadline exceeded");
}

TEST_F(ServerTest, TellsTheHandlerWhenAClientCancels) {
  connect();
  const auto stream = client().unary("/test.Service/Hold", "x");
  wire->run();
  client().reset(stream);
  wire->run();
  EXPECT_EQ(handler.gone, 1);
  EXPECT_TRUE(handler.held.empty());
  EXPECT_TRUE(wire->is_open);
}

TEST_F(ServerTest, TellsTheHandlerWhenTheConnectionGoes) {
  connect();
  client().unary("/test.Service/Hold", "x");
  client().open("/test.Service/Chat");
  client().unary("/test.Service/Echo", "answered");
  wire->run();
  wire.reset();
  EXPECT_EQ(handler.gone, 2);
}

TEST_F(ServerTest, DrainsAfterShutDown) {
  connect();
  const auto held = client().unary("/test.Service/Hold", "x");
  wire->run();
  wire->connection->shut_down();
  wire->run();
  EXPECT_TRUE(client().has_goaway);
  EXPECT_EQ(client().goaway_error, static_cast<std::uint32_t>(NGHTTP2_NO_ERROR));
  EXPECT_TRUE(wire->is_open);
  handler.held[0]->finish(Code::ok);
  wire->flush();
  wire->flush();
  EXPECT_EQ(response(held).status(), "0");
  EXPECT_FALSE(wire->is_open);
}

TEST_F(ServerTest, ResumesAProducerWhenItsClientReadsAgain) {
  connect();
  const nghttp2_settings_entry large = {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, 10'000'000};
  nghttp2_submit_settings(client().session(), NGHTTP2_FLAG_NONE, &large, 1);
  nghttp2_session_set_local_window_size(client().session(), NGHTTP2_FLAG_NONE, 0, 10'000'000);
  const auto chat = client().open("/test.Service/Chat");
  client().send(chat, "a");
  wire->run();
  wire->output.holds_back = true;
  Call& call = *handler.streams[0];
  const Buffer chunk = Buffer::copy_of(std::string(50'000, 'c'));
  int sent = 0;
  while (call.unsent_bytes() < 2'000'000) {
    call.send({&chunk, 1});
    ++sent;
  }
  wire->flush();
  EXPECT_EQ(handler.writable, 0);
  for (int i = 0; i < 5; ++i) {
    wire->flush();
  }
  EXPECT_LT(wire->output.bytes.size(), 400'000U);  // the rest waits in the call
  wire->output.holds_back = false;
  wire->run();
  EXPECT_EQ(handler.writable, 1);
  EXPECT_LE(handler.unsent_when_writable, kResumeBelowBytes);
  EXPECT_EQ(response(chat).messages.size(), static_cast<std::size_t>(sent) + 1);
}

TEST_F(ServerTest, TakesOneMessageOfAUnaryCall) {
  connect();
  const auto stream = client().open("/test.Service/Hold");
  client().send_raw(stream, framed("one") + framed("two"));
  client().half_close(stream);
  wire->run();
  EXPECT_EQ(handler.messages, Texts{"one"});
  EXPECT_EQ(handler.held.size(), 1U);
}

TEST_F(ServerTest, SendsThroughTheSmallestWindow) {
  connect();
  const nghttp2_settings_entry tiny = {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, 3};
  nghttp2_submit_settings(client().session(), NGHTTP2_FLAG_NONE, &tiny, 1);
  client().reads_data = false;
  const auto stream = client().unary("/test.Service/Echo", "12345678");
  wire->run();
  EXPECT_EQ(response(stream).unparsed.size(), 3U);
  for (int i = 0; i < 20; ++i) {
    nghttp2_submit_window_update(client().session(), NGHTTP2_FLAG_NONE, stream, 1);
    wire->run();
  }
  EXPECT_EQ(response(stream).messages, Texts{"12345678"});
  EXPECT_EQ(response(stream).status(), "0");
}

TEST_F(ServerTest, KeepsWhatFlowControlHoldsBack) {
  connect();
  client().reads_data = false;
  const auto hold = client().unary("/test.Service/Hold", "x");
  wire->run();
  const Buffer big = Buffer::copy_of(std::string(200'000, 'b'));
  handler.held[0]->send({&big, 1});
  handler.held[0]->finish(Code::ok);
  wire->run();
  EXPECT_TRUE(response(hold).messages.empty());
  EXPECT_EQ(response(hold).unparsed.size(), 65'535U);
  const auto small = client().unary("/test.Service/Fail", "others are served");
  wire->run();
  EXPECT_EQ(response(small).status(), "5");
  nghttp2_submit_window_update(client().session(), NGHTTP2_FLAG_NONE, hold, 1 << 20);
  nghttp2_submit_window_update(client().session(), NGHTTP2_FLAG_NONE, 0, 1 << 20);
  wire->run();
  ASSERT_EQ(response(hold).messages.size(), 1U);
  EXPECT_EQ(response(hold).status(), "0");
}

}  // namespace
}  // namespace quorate::rpc
