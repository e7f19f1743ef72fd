#include "env_posix/tcp_transport.h"

#include <algorithm>
#include <deque>
#include <functional>
#include <optional>
#include <string>

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "env_posix/address.h"

namespace quorate::env_posix {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

/// One end of a connection, which notes what happens to it.
struct End : env::StreamEvents {
  void on_opened() override { opened = true; }
  void on_bytes(Buffer bytes) override {
    received += bytes.view();
    chunks.push_back(std::move(bytes));
    if (on_data) {
      on_data();
    }
  }
  void on_drained() override { ++drained; }
  void on_closed(env::CloseReason why, std::string_view text) override {
    closed = why;
    detail = text;
    if (drop_when_closed) {
      stream.reset();
    }
  }
  void send(std::string_view bytes) {
    const Buffer chunk = Buffer::copy_of(bytes);
    stream->send({&chunk, 1});
  }

  std::unique_ptr<env::Stream> stream;
  bool opened = false;
  bool drop_when_closed = false;
  int drained = 0;
  std::string received;
  std::vector<Buffer> chunks;
  std::optional<env::CloseReason> closed;
  std::string detail;
  std::function<void()> on_data;
};

struct Acceptor : env::AcceptEvents {
  env::StreamEvents& on_accepted(std::unique_ptr<env::Stream> stream, std::string_view) override {
    ends.emplace_back();
    if (!refuse) {
      ends.back().stream = std::move(stream);
    }
    return ends.back();
  }
  bool refuse = false;
  std::deque<End> ends;
};

class TcpTransportTest : public testing::Test {
 protected:
  bool turn_until(const std::function<bool()>& done, Duration limit = seconds(10)) {
    const Instant end = loop->now() + limit;
    while (!done() && loop->now() < end) {
      loop->run_turn(milliseconds(20));
    }
    return done();
  }
  std::string listen() {
    const Status listening = transport.listen("127.0.0.1:0", acceptor);
    EXPECT_TRUE(listening) << listening.error().text;
    return "127.0.0.1:" + std::to_string(transport.last_port());
  }
  /// A connected pair: `client` and the acceptor's last end.
  End& connect_pair() {
    client.stream = transport.connect(listen(), client);
    EXPECT_TRUE(turn_until([&] { return client.opened && !acceptor.ends.empty(); }));
    return acceptor.ends.back();
  }

  std::unique_ptr<EventLoop> loop = EventLoop::make().value();
  Acceptor acceptor;
  End client;
  TcpTransport transport{*loop};
};

TEST_F(TcpTransportTest, CarriesBytesBothWaysInOneWritePerTurn) {
  End& server = connect_pair();
  for (int i = 0; i < 500; ++i) {
    client.send("0123456789");
  }
  EXPECT_EQ(client.stream->unsent_bytes(), 5000U);
  loop->run_turn(Duration::zero());
  EXPECT_EQ(client.stream->unsent_bytes(), 0U);
  EXPECT_EQ(client.drained, 1);
  ASSERT_TRUE(turn_until([&] { return server.received.size() == 5000; }));
  server.send("answer");
  ASSERT_TRUE(turn_until([&] { return client.received == "answer"; }));
}

TEST_F(TcpTransportTest, BytesSentBeforeTheConnectionOpensAreSentAfter) {
  client.stream = transport.connect(listen(), client);
  client.send("early");
  ASSERT_TRUE(turn_until([&] { return !acceptor.ends.empty() && acceptor.ends.back().received == "early"; }));
}

TEST_F(TcpTransportTest, AReaderThatStopsHoldsBytesBackUntilItReads) {
  // A plain socket that reads only when told.
  const std::string address = listen();
  const int raw = ::socket(AF_INET, SOCK_STREAM, 0);
  const SocketAddress to = look_up(*parse_host_port(address), Lookup::numeric_only)->front();
  ASSERT_EQ(::connect(raw, to.get(), to.size), 0);
  ASSERT_TRUE(turn_until([&] { return !acceptor.ends.empty(); }));
  End& server = acceptor.ends.back();
  std::string bytes(32U << 20, '\0');
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    bytes[i] = static_cast<char>(i * 2654435761U >> 13);
  }
  for (std::size_t i = 0; i < bytes.size(); i += 1000) {
    server.send(std::string_view(bytes).substr(i, 1000));
  }
  for (int i = 0; i < 20; ++i) {
    loop->run_turn(milliseconds(1));
  }
  EXPECT_GT(server.stream->unsent_bytes(), 1U << 20);
  EXPECT_EQ(server.drained, 0);
  std::string got;
  std::vector<char> part(1U << 20);
  while (got.size() < bytes.size()) {
    loop->run_turn(Duration::zero());
    const ssize_t size = ::recv(raw, part.data(), part.size(), MSG_DONTWAIT);
    if (size > 0) {
      got.append(part.data(), static_cast<std::size_t>(size));
    }
  }
  EXPECT_TRUE(got == bytes);
  EXPECT_EQ(server.stream->unsent_bytes(), 0U);
  EXPECT_EQ(server.drained, 1);
  ::close(raw);
}

TEST_F(TcpTransportTest, MegabytesArriveWholeAndSmallReceiptsPinOnlyThemselves) {
  End& server = connect_pair();
  std::string bytes(3U << 20, '\0');
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    bytes[i] = static_cast<char>(i * 2654435761U >> 11);
  }
  client.send(bytes);
  ASSERT_TRUE(turn_until([&] { return server.received.size() == bytes.size(); }));
  EXPECT_TRUE(server.received == bytes);
  std::string again;
  for (const Buffer& chunk : server.chunks) {  // later receipts did not overwrite earlier ones
    again += chunk.view();
  }
  EXPECT_TRUE(again == bytes);
}

TEST_F(TcpTransportTest, AnOrderlyEndIsRemoteAndEverythingSentBeforeArrives) {
  End& server = connect_pair();
  client.send("last words");
  client.stream.reset();
  server.drop_when_closed = true;
  ASSERT_TRUE(turn_until([&] { return server.closed.has_value(); }));
  EXPECT_EQ(server.received, "last words");
  EXPECT_EQ(server.closed, env::CloseReason::remote);
}

TEST_F(TcpTransportTest, AProcessThatDiesWithUnreadBytesIsAReset) {
  End& server = connect_pair();
  client.send("x");
  ASSERT_TRUE(turn_until([&] { return server.received == "x"; }));
  server.send("unread");
  loop->run_turn(Duration::zero());
  client.stream.reset();  // closing with unread bytes sends RST, as the death of a process does
  ASSERT_TRUE(turn_until([&] { return server.closed.has_value(); }));
  EXPECT_EQ(server.closed, env::CloseReason::reset) << server.detail;
}

TEST_F(TcpTransportTest, APortWithoutListenerIsRefusedNeverInsideConnect) {
  const std::string address = [] {
    const auto other_loop = EventLoop::make().value();
    Acceptor nobody;
    TcpTransport other(*other_loop);
    EXPECT_TRUE(other.listen("127.0.0.1:0", nobody));
    return "127.0.0.1:" + std::to_string(other.last_port());
  }();
  client.drop_when_closed = true;
  client.stream = transport.connect(address, client);
  EXPECT_FALSE(client.closed.has_value());
  ASSERT_TRUE(turn_until([&] { return client.closed.has_value(); }));
  EXPECT_EQ(client.closed, env::CloseReason::refused);
  EXPECT_NE(client.detail.find(address), std::string::npos) << client.detail;
}

TEST_F(TcpTransportTest, ANameThatDoesNotResolveIsNamed) {
  client.stream = transport.connect("no-such-host.invalid:2380", client);
  ASSERT_TRUE(turn_until([&] { return client.closed.has_value(); }, seconds(30)));
  EXPECT_EQ(client.closed, env::CloseReason::unreachable);
  EXPECT_NE(client.detail.find("'no-such-host.invalid' does not resolve"), std::string::npos) << client.detail;
}

TEST_F(TcpTransportTest, AStreamMayBeDestroyedWhileItsNameIsLookedUp) {
  client.stream = transport.connect("localhost:1", client);
  client.stream.reset();
  for (int i = 0; i < 10; ++i) {
    loop->run_turn(milliseconds(5));
  }
  EXPECT_FALSE(client.closed.has_value());
}

TEST_F(TcpTransportTest, LocalhostIsFoundByName) {
  listen();
  client.stream = transport.connect("localhost:" + std::to_string(transport.last_port()), client);
  ASSERT_TRUE(turn_until([&] { return client.opened; }));
}

TEST_F(TcpTransportTest, AMalformedAddressSaysWhatIsWrong) {
  client.stream = transport.connect("127.0.0.1", client);
  ASSERT_TRUE(turn_until([&] { return client.closed.has_value(); }));
  EXPECT_NE(client.detail.find("the port is missing"), std::string::npos);
  EXPECT_EQ(transport.listen("127.0.0.1:70000", acceptor).error().code, ErrorCode::invalid);
}

TEST_F(TcpTransportTest, ATakenPortIsNamedWithItsOwner) {
  const std::string address = listen();
  const Status second = transport.listen(address, acceptor);
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, ErrorCode::busy);
  EXPECT_NE(second.error().text.find("port " + std::to_string(transport.last_port()) + " is in use by "),
            std::string::npos)
      << second.error().text;
  EXPECT_NE(second.error().text.find("(pid " + std::to_string(::getpid()) + ")"), std::string::npos)
      << second.error().text;
}

TEST_F(TcpTransportTest, AnAcceptedStreamMayBeClosedAtOnce) {
  acceptor.refuse = true;
  client.stream = transport.connect(listen(), client);
  ASSERT_TRUE(turn_until([&] { return client.closed.has_value(); }));
  EXPECT_EQ(client.closed, env::CloseReason::remote);
}

TEST_F(TcpTransportTest, AStreamMayBeDestroyedByItsOwnBytes) {
  End& server = connect_pair();
  server.on_data = [&] { server.stream.reset(); };
  client.send("bye");
  ASSERT_TRUE(turn_until([&] { return client.closed.has_value(); }));
}

TEST_F(TcpTransportTest, WithoutDescriptorsNewConnectionsEndAtOnceAndOldOnesLive) {
  End& server = connect_pair();
  const std::string address = "127.0.0.1:" + std::to_string(transport.last_port());
  const int raw = ::socket(AF_INET, SOCK_STREAM, 0);  // made before descriptors run out
  rlimit before{};
  ::getrlimit(RLIMIT_NOFILE, &before);
  rlimit tight = before;
  tight.rlim_cur = static_cast<rlim_t>(raw) + 1;
  ::setrlimit(RLIMIT_NOFILE, &tight);
  const SocketAddress to = look_up(*parse_host_port(address), Lookup::numeric_only)->front();
  EXPECT_EQ(::connect(raw, to.get(), to.size), 0);
  bool ended = false;
  for (int i = 0; i < 100 && !ended; ++i) {
    loop->run_turn(milliseconds(5));
    char byte = 0;
    ended = ::recv(raw, &byte, 1, MSG_DONTWAIT) == 0;
  }
  ::setrlimit(RLIMIT_NOFILE, &before);
  EXPECT_TRUE(ended);
  EXPECT_EQ(acceptor.ends.size(), 1U);
  client.send("still here");
  EXPECT_TRUE(turn_until([&] { return server.received == "still here"; }));
  ::close(raw);
}

TEST(AddressTest, ReadsAndRefuses) {
  EXPECT_EQ(parse_host_port("[::1]:2380")->host, "::1");
  EXPECT_EQ(parse_host_port(":2379")->host, "");
  EXPECT_EQ(parse_host_port("n1.example:2379")->port, 2379);
  for (const char* bad : {"", "host", "host:", "host:x", "host:-1", "host:65536", "::1:2380", "host:1 "}) {
    EXPECT_FALSE(parse_host_port(bad)) << bad;
  }
  EXPECT_EQ(look_up({"::1", 7}, Lookup::numeric_only)->front().text(), "[::1]:7");
  EXPECT_EQ(look_up({"10.1.2.3", 7}, Lookup::numeric_only)->front().text(), "10.1.2.3:7");
}

}  // namespace
}  // namespace quorate::env_posix
