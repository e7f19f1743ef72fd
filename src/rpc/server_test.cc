#include "rpc/server.h"

#include <deque>
#include <map>
#include <string>

#include <gtest/gtest.h>

#include "rpc/h2_test_client.h"

namespace quorate::rpc {
namespace {

using testing::framed;
using testing::Wire;

/// Answers at once, later or never, and remembers what it was told.
class TestHandler : public Handler {
 public:
  enum MethodId : std::uint32_t { echo = 1, hold = 2, chat = 3, fail = 4 };

  const Method* find(std::string_view path) const override {
    const auto found = methods.find(path);
    return found == methods.end() ? nullptr : &found->second;
  }
  bool serves(std::string_view service) const override { return service == "test.Service"; }
  void on_call(Call& call) override {
    ++begun;
    deadline = call.deadline();
    seen_metadata = call.metadata("hasleader");
    if (call.method().id == chat) {
      streams.push_back(&call);
    }
  }
  void on_message(Call& call, Buffer message) override {
    messages.emplace_back(message.view());
    switch (call.method().id) {
      case echo:
        call.send({&message, 1});
        call.finish(Code::ok);
        break;
      case fail: call.finish(Code::not_found, "no such thing: 100 %\n"); break;
      case hold: held.push_back(&call); break;
      default: {
        const Buffer parts[] = {Buffer::copy_of("re: "), message};
        call.send(parts);
      }
    }
  }
  void on_half_close(Call& call) override {
    ++half_closed;
    call.finish(Code::ok);
  }
  void on_call_gone(Call& call) override {
    ++gone;
    std::erase(held, &call);
    std::erase(streams, &call);
  }
  void on_writable(Call& call) override {
    ++writable;
    EXPECT_LE(call.unsent_bytes(), kResumeBelowBytes);
  }

  std::map<std::string, Method, std::less<>> methods = {
      {"/test.Service/Echo", {"/test.Service/Echo", false, false, echo}},
      {"/test.Service/Hold", {"/test.Service/Hold", false, false, hold}},
      {"/test.Service/Chat", {"/test.Service/Chat", true, true, chat}},
      {"/test.Service/Fail", {"/test.Service/Fail", false, false, fail}},
  };
  std::vector<std::string> messages;
  std::vector<Call*> held;
  std::vector<Call*> streams;
  Instant deadline = Instant::max();
  std::string seen_metadata;
  int begun = 0;
  int gone = 0;
  int half_closed = 0;
  int writable = 0;
};

class TestHttp : public HttpHandler {
 public:
  void on_request(HttpRequest request, std::shared_ptr<HttpResponder> responder) override {
    requests.push_back(request);
    if (request.target == "/later") {
      later.push_back(std::move(responder));
      return;
    }
    responder->respond({.body = request.method + " " + request.target + " " + request.body + "\n"});
  }
  std::vector<HttpRequest> requests;
  std::vector<std::shared_ptr<HttpResponder>> later;
};

class ServerTest : public ::testing::Test {
 protected:
  void connect(const ServerLimits& limits = {}) { wire = std::make_unique<Wire>(handler, http, limits); }
  testing::TestClient& client() { return wire->client; }

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
  const auto& response = client().response(stream);
  EXPECT_EQ(response.messages, std::vector<std::string>{"hello"});
  EXPECT_EQ(response.header(":status"), "200");
  EXPECT_EQ(response.header("content-type"), "application/grpc");
  EXPECT_EQ(response.status(), "0");
  EXPECT_TRUE(response.is_closed);
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
  EXPECT_EQ(client().response(second).messages, std::vector<std::string>{"b"});
  EXPECT_FALSE(client().response(first).is_closed);
  handler.held[0]->finish(Code::unavailable, "etcdserver: no leader");
  wire->run();
  EXPECT_EQ(client().response(first).status(), "14");
  EXPECT_EQ(client().response(first).text(), "etcdserver: no leader");
  EXPECT_TRUE(client().response(first).messages.empty());
}

}  // namespace
}  // namespace quorate::rpc
