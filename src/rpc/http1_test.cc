// HTTP/1.1 on the same port: what is served, and what two parsers could read differently and is therefore refused.

#include <memory>
#include <string>

#include <gtest/gtest.h>

#include "rpc/h2_test_client.h"
#include "rpc/server.h"
#include "rpc/test_service.h"

namespace quorate::rpc {
namespace {

using testing::TestHandler;
using testing::TestHttp;
using testing::TestOutput;

class Http1Test : public ::testing::Test {
 protected:
  void connect(const ServerLimits& limits = {}) {
    output.bytes.clear();
    connection = Connection::make(limits, handler, http, output);
    is_open = true;
  }
  /// Feeds the bytes and returns what came back.
  std::string ask(std::string_view bytes) {
    is_open = connection->receive(Buffer::copy_of(bytes), now);
    is_open = connection->flush() && is_open;
    return std::exchange(output.bytes, {});
  }
  std::string status_of(std::string_view bytes) {
    connect();
    const std::string answer = ask(bytes);
    return answer.size() < 12 ? "none" : answer.substr(9, 3);
  }

  TestHandler handler;
  TestHttp http;
  TestOutput output;
  std::unique_ptr<Connection> connection;
  Instant now{};
  bool is_open = true;
};

TEST_F(Http1Test, AnswersAndKeepsTheConnection) {
  connect();
  EXPECT_EQ(ask("GET /health?x=1 HTTP/1.1\r\nHost: a\r\n\r\n"),
            "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 17\r\n\r\nGET /health?x=1 \n");
  EXPECT_TRUE(is_open);
  EXPECT_EQ(ask("GET /b HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"),
            "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 8\r\nConnection: close\r\n\r\nGET /b \n");
  EXPECT_FALSE(is_open);
}

TEST_F(Http1Test, TakesABodyInPieces) {
  connect();
  EXPECT_EQ(ask("POST /p HTTP/1.1\r\nhOsT: a\r\nContent-Length: 5\r\nX: \t y \r\n\r\nhe"), "");
  EXPECT_NE(ask("llo").find("POST /p hello\n"), std::string::npos);
  ASSERT_EQ(http.requests.size(), 1U);
  EXPECT_EQ(http.requests[0].headers[0].first, "host");
  EXPECT_EQ(http.requests[0].headers[2].second, "y");
}

TEST_F(Http1Test, ReadsTheSameFromSingleBytes) {
  connect();
  std::string all;
  for (const char byte : std::string("GET /a HTTP/1.1\r\nHost: a\r\n\r\nGET /b HTTP/1.1\r\nHost: a\r\n\r\n")) {
    all += ask({&byte, 1});
  }
  EXPECT_NE(all.find("GET /a"), std::string::npos);
  EXPECT_NE(all.find("GET /b"), std::string::npos);
}

TEST_F(Http1Test, AnswersRequestsInTheirOrder) {
  connect();
  EXPECT_EQ(ask("GET /later HTTP/1.1\r\nHost: a\r\n\r\nGET /next HTTP/1.1\r\nHost: a\r\n\r\n"), "");
  ASSERT_EQ(http.later.size(), 1U);
  http.later[0]->respond({.status = 503, .body = "first\n"});
  EXPECT_TRUE(output.flush_requested);
  EXPECT_TRUE(connection->flush());
  EXPECT_LT(output.bytes.find("503 Service Unavailable"), output.bytes.find("GET /next"));
  http.later[0]->respond({});  // answered twice: only once
}

TEST_F(Http1Test, ForgetsAnswersForConnectionsThatAreGone) {
  connect();
  ask("GET /later HTTP/1.1\r\nHost: a\r\n\r\n");
  connection.reset();
  http.later[0]->respond({});
}

TEST_F(Http1Test, LeavesOutTheBodyForHead) {
  connect();
  const std::string answer = ask("HEAD /x HTTP/1.1\r\nHost: a\r\n\r\n");
  EXPECT_TRUE(answer.ends_with("Content-Length: 9\r\n\r\n")) << answer;
}

TEST_F(Http1Test, SendsContinueWhenAsked) {
  connect();
  EXPECT_EQ(ask("POST /p HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n"),
            "HTTP/1.1 100 Continue\r\n\r\n");
  EXPECT_NE(ask("ok").find("200 OK"), std::string::npos);
}

TEST_F(Http1Test, RefusesWhatCouldBeReadInTwoWays) {
  EXPECT_EQ(status_of("GET /x HTTP/1.1\r\n\r\n"), "400");                        // no host
  EXPECT_EQ(status_of("GET /x HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n"), "400");  // two hosts
  EXPECT_EQ(status_of("GET  /x HTTP/1.1\r\nHost: a\r\n\r\n"), "400");            // two spaces
  EXPECT_EQ(status_of("GET /x HTTP/1.1\r\nHost : a\r\n\r\n"), "400");            // space before colon
  EXPECT_EQ(status_of("GET /x HTTP/1.1\r\nHost: a\r\n b: c\r\n\r\n"), "400");    // folded line
  EXPECT_EQ(status_of("GET /x HTTP/1.1\r\nHost: a\nB: c\r\n\r\n"), "400");       // bare LF
  EXPECT_EQ(status_of("POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n"), "400");
  EXPECT_EQ(status_of("POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: +1\r\n\r\n"), "400");
  EXPECT_EQ(status_of("POST /x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"), "501");
  EXPECT_EQ(status_of("GET /x HTTP/2.0\r\nHost: a\r\n\r\n"), "505");
  EXPECT_EQ(status_of("\x16\x03\x01\x02\r\n\r\n"), "400");  // TLS
  EXPECT_TRUE(http.requests.empty());
}

TEST_F(Http1Test, BoundsHeadAndBody) {
  const std::string start = "GET /x HTTP/1.1\r\nHost: a\r\nX: ";
  const ServerLimits limits{.max_message_bytes = 100, .max_header_bytes = 1000};
  for (const int more : {-1, 0, 1}) {
    connect(limits);
    const std::string head =
        start + std::string(1000 - start.size() + static_cast<std::size_t>(more), 'x') + "\r\n\r\n";
    EXPECT_EQ(ask(head).substr(9, 3), more <= 0 ? "200" : "431") << more;
  }
  for (const int size : {99, 100, 101}) {
    connect(limits);
    const std::string request = "POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: " + std::to_string(size) + "\r\n\r\n" +
                                std::string(static_cast<std::size_t>(size), 'b');
    EXPECT_EQ(ask(request).substr(9, 3), size <= 100 ? "200" : "413") << size;
  }
  connect(limits);
  EXPECT_EQ(ask("POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 999999999999999999999999\r\n\r\n").substr(9, 3), "400");
}

TEST_F(Http1Test, CutsSlowRequestsAndIdleConnections) {
  connect();
  ask("GET /x HT");
  EXPECT_TRUE(connection->check_timeouts(now + std::chrono::seconds(10)));
  EXPECT_FALSE(connection->check_timeouts(now + std::chrono::seconds(11)));
  connect();
  ask("GET /x HTTP/1.1\r\nHost: a\r\n\r\n");
  EXPECT_TRUE(connection->check_timeouts(now + std::chrono::seconds(60)));
  EXPECT_FALSE(connection->check_timeouts(now + std::chrono::minutes(10)));
}

}  // namespace
}  // namespace quorate::rpc
