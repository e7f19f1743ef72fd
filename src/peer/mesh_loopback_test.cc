// The mesh over real sockets: three nodes on one loop, loopback only.

#include <functional>
#include <map>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "env_posix/entropy.h"
#include "env_posix/loop.h"
#include "env_posix/tcp_transport.h"
#include "peer/mesh.h"

namespace quorate::peer {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

struct LiveNode : MeshEvents, TraceSink {
  explicit LiveNode(env_posix::EventLoop& loop) : transport(loop) {}

  void on_message(NodeId from, Channel, GroupId group, Buffer message) override {
    ++received;
    last = std::move(message);
    if (answer) {
      answer(from, group);
    }
  }
  void on_peer_up(NodeId node, Incarnation) override { up[node] = true; }
  void on_peer_down(NodeId node, Incarnation, std::string_view why) override {
    up[node] = false;
    down_why[node] = why;
  }
  void on_peer_rejected(NodeId, std::string_view why) override { ADD_FAILURE() << why; }
  void on_removed(std::string_view why) override { ADD_FAILURE() << why; }
  Buffer describe_members() override { return {}; }
  void trace(const TraceEvent&) override {}

  env_posix::TcpTransport transport;
  env_posix::SystemEntropy entropy;
  MetLives met;
  std::map<NodeId, bool> up;
  std::map<NodeId, std::string> down_why;
  std::size_t received = 0;
  Buffer last;
  std::function<void(NodeId, GroupId)> answer;
  std::unique_ptr<Mesh> mesh;
};

class MeshLoopbackTest : public testing::Test {
 protected:
  static constexpr std::size_t kNodes = 3;

  void SetUp() override {
    // Free ports: taken and given back at once.
    struct Nobody : env::AcceptEvents {
      env::StreamEvents& on_accepted(std::unique_ptr<env::Stream>, std::string_view) override { std::abort(); }
    } nobody;
    env_posix::TcpTransport probe(*loop);
    for (std::size_t i = 0; i < kNodes; ++i) {
      ASSERT_TRUE(probe.listen("127.0.0.1:0", nobody));
      addresses.push_back("127.0.0.1:" + std::to_string(probe.last_port()));
    }
  }
  void start(std::size_t index, std::uint64_t life) {
    MeshConfig config;
    config.cluster = ClusterId(5);
    config.self = NodeId(index + 1);
    config.life.incarnation = Incarnation(life);
    config.listen_address = addresses[index];
    for (std::size_t i = 0; i < kNodes; ++i) {
      if (i != index) {
        config.peers.push_back({NodeId(i + 1), addresses[i]});
      }
    }
    nodes[index] = std::make_unique<LiveNode>(*loop);
    LiveNode& node = *nodes[index];
    Result<std::unique_ptr<Mesh>> mesh =
        Mesh::start(config, *loop, *loop, node.entropy, node.transport, node.met, node, node);
    ASSERT_TRUE(mesh) << mesh.error().text;
    node.mesh = std::move(*mesh);
  }
  bool turn_until(const std::function<bool()>& done, Duration limit = seconds(10)) {
    const Instant end = loop->now() + limit;
    while (!done() && loop->now() < end) {
      loop->run_turn(milliseconds(10));
    }
    return done();
  }
  bool all_up() {
    for (const auto& node : nodes) {
      for (const LinkStatus& link : node->mesh->links()) {
        if (!link.up) {
          return false;
        }
      }
    }
    return true;
  }

  std::unique_ptr<env_posix::EventLoop> loop = env_posix::EventLoop::make().value();
  std::vector<std::string> addresses;
  std::unique_ptr<LiveNode> nodes[kNodes];
};

TEST_F(MeshLoopbackTest, ThreeNodesConnectTalkLoseOneAndTakeItBack) {
  for (std::size_t i = 0; i < kNodes; ++i) {
    start(i, 1);
  }
  ASSERT_TRUE(turn_until([&] { return all_up(); }));

  // Both ways, small and larger than any block.
  std::string large(3U << 20, '\0');
  for (std::size_t i = 0; i < large.size(); ++i) {
    large[i] = static_cast<char>(i * 2654435761U >> 9);
  }
  const std::vector<Buffer> parts = {Buffer::copy_of("head"), Buffer::copy_of(large), Buffer::copy_of("tail")};
  ASSERT_TRUE(nodes[2]->mesh->send(NodeId(1), Channel::service, GroupId(7), parts));
  ASSERT_TRUE(turn_until([&] { return nodes[0]->received == 1; }));
  EXPECT_TRUE(nodes[0]->last.view() == "head" + large + "tail");

  nodes[1].reset();  // closes its sockets, as the death of its process would
  ASSERT_TRUE(turn_until([&] { return !nodes[0]->up[NodeId(2)] && !nodes[2]->up[NodeId(2)]; }));
  // TCP says "reset" if the dead process had not read everything, for example a heartbeat.
  const std::string& why = nodes[0]->down_why[NodeId(2)];
  EXPECT_TRUE(why == "closed by the other side" || why == "reset by the other side") << why;

  start(1, 2);
  const Instant restarted = loop->now();
  ASSERT_TRUE(turn_until([&] { return all_up(); }));
  EXPECT_LT(loop->now() - restarted, seconds(3));  // about 0.1 s on a machine that is not busy
}

TEST_F(MeshLoopbackTest, MessagesStreamInBatches) {
  for (std::size_t i = 0; i < kNodes; ++i) {
    start(i, 1);
  }
  ASSERT_TRUE(turn_until([&] { return all_up(); }));
  // Each message is answered; a window of 100 keeps both directions busy.
  constexpr std::size_t kMessages = 20'000;
  const Buffer body = Buffer::copy_of(std::string(300, 'm'));
  std::size_t sent = 0;
  const auto send_next = [&] {
    if (sent < kMessages) {
      ++sent;
      ASSERT_TRUE(nodes[0]->mesh->send(NodeId(2), Channel::consensus, GroupId(1), {&body, 1}));
    }
  };
  nodes[1]->answer = [&](NodeId from, GroupId group) {
    ASSERT_TRUE(nodes[1]->mesh->send(from, Channel::consensus, group, {&body, 1}));
  };
  nodes[0]->answer = [&](NodeId, GroupId) { send_next(); };
  for (int i = 0; i < 100; ++i) {
    send_next();
  }
  ASSERT_TRUE(turn_until([&] { return nodes[0]->received == kMessages; }, seconds(60)));
  EXPECT_EQ(nodes[1]->received, kMessages);
  for (const LinkStatus& link : nodes[0]->mesh->links()) {
    EXPECT_EQ(link.dropped_frames + link.damaged_frames + link.stale_frames, 0U);
    EXPECT_GT(link.round_trip, Duration::zero());
    EXPECT_LT(link.round_trip, seconds(1));
  }
}

TEST_F(MeshLoopbackTest, ATakenPortIsAnErrorThatNamesIt) {
  start(0, 1);
  LiveNode second(*loop);
  MeshConfig config;
  config.cluster = ClusterId(5);
  config.self = NodeId(9);
  config.life.incarnation = Incarnation(1);
  config.listen_address = addresses[0];
  const auto mesh = Mesh::start(config, *loop, *loop, second.entropy, second.transport, second.met, second, second);
  ASSERT_FALSE(mesh);
  EXPECT_EQ(mesh.error().code, ErrorCode::busy);
  EXPECT_NE(mesh.error().text.find("is in use by"), std::string::npos) << mesh.error().text;
}

}  // namespace
}  // namespace quorate::peer
