#include "peer/mesh.h"

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "peer/fake_network_test.h"
#include "peer/frame.h"
#include "peer/handshake.h"
#include "peer/inquiry.h"

namespace quorate::peer {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr ClusterId kCluster(0xabc);

std::string address_of(NodeId node) { return "n" + std::to_string(node.value()) + ":2380"; }

/// One node: its mesh and what the mesh told it.
struct Node : MeshEvents, TraceSink {
  Node(FakeLoop& loop_, FakeNetwork& network_) : loop(loop_), network(network_) {}

  void on_message(NodeId from, Channel channel, GroupId group, Buffer message) override {
    EXPECT_TRUE(mesh->is_up(from));
    messages.push_back(std::to_string(from.value()) + (channel == Channel::consensus ? " consensus " : " service ") +
                       std::to_string(group.value()) + ": " + std::string(message.view()));
  }
  void on_peer_up(NodeId node, Incarnation incarnation) override {
    log.push_back("up " + std::to_string(node.value()) + " life " + std::to_string(incarnation.value()));
  }
  void on_peer_down(NodeId node, Incarnation incarnation, std::string_view why) override {
    EXPECT_FALSE(mesh->is_up(node));
    log.push_back("down " + std::to_string(node.value()) + " life " + std::to_string(incarnation.value()) + ": " +
                  std::string(why));
  }
  void on_peer_rejected(NodeId node, std::string_view why) override {
    log.push_back("rejected " + std::to_string(node.value()) + ": " + std::string(why));
  }
  void on_removed(std::string_view why) override { log.push_back("removed: " + std::string(why)); }
  Buffer describe_members() override { return Buffer::copy_of("the members"); }
  void trace(const TraceEvent& event) override { ++traces[std::string(event.name)]; }

  bool send(NodeId to, std::string_view text) {
    const Buffer part = Buffer::copy_of(text);
    return mesh->send(to, Channel::consensus, GroupId(1), {&part, 1});
  }
  [[nodiscard]] LinkStatus link(NodeId to) const {
    for (const LinkStatus& status : mesh->links()) {
      if (status.node == to) {
        return status;
      }
    }
    return {};
  }

  FakeLoop& loop;
  FakeNetwork& network;
  CountingEntropy entropy;
  MetLives met;
  std::vector<std::string> messages;
  std::vector<std::string> log;
  std::map<std::string, int> traces;
  std::unique_ptr<Mesh> mesh;
};

class MeshTest : public testing::Test {
 protected:
  MeshConfig config(NodeId self, std::uint64_t life, std::vector<NodeId> peers) {
    MeshConfig result;
    result.cluster = kCluster;
    result.self = self;
    result.life.incarnation = Incarnation(life);
    result.listen_address = address_of(self);
    for (const NodeId peer : peers) {
      result.peers.push_back({peer, address_of(peer)});
    }
    return result;
  }
  std::unique_ptr<Node> start(MeshConfig with) {
    auto node = std::make_unique<Node>(loop, network);
    node->mesh = Mesh::start(std::move(with), loop, loop, node->entropy, network, node->met, *node, *node).value();
    return node;
  }
  void start_pair() {
    one = start(config(NodeId(1), 11, {NodeId(2)}));
    two = start(config(NodeId(2), 22, {NodeId(1)}));
    network.run(seconds(2));
    ASSERT_TRUE(one->mesh->is_up(NodeId(2)));
    ASSERT_TRUE(two->mesh->is_up(NodeId(1)));
    one->log.clear();
    two->log.clear();
  }
  FakeLoop loop;
  FakeNetwork network{loop};
  std::unique_ptr<Node> one, two;
};

/// A client that says what a test wants it to say.
struct Stranger : env::StreamEvents {
  void on_opened() override {}
  void on_bytes(Buffer bytes) override { got += bytes.view(); }
  void on_drained() override {}
  void on_closed(env::CloseReason, std::string_view) override { closed = true; }
  void say(const std::string& bytes) const {
    const Buffer chunk = Buffer::copy_of(bytes);
    stream->send({&chunk, 1});
  }
  /// The refusal that it was answered.
  [[nodiscard]] Refusal refusal() const {
    FrameReader reader(kMaxHandshakeBytes);
    reader.add(Buffer::copy_of(got));
    Frame answer;
    EXPECT_EQ(reader.next(answer), FrameReader::Found::frame);
    EXPECT_EQ(answer.type, FrameType::refusal);
    return decode_refusal(answer.body.view()).value_or(Refusal{});
  }

  std::unique_ptr<env::Stream> stream;
  std::string got;
  bool closed = false;
};

std::string frame_bytes(FrameType type, Incarnation sender, std::string_view body) {
  FrameBatch batch;
  const Buffer part = Buffer::copy_of(body);
  batch.add(Frame{.type = type, .sender = sender}, {&part, 1});
  return std::string(batch.chunks()[0].view());
}

std::string hello_bytes(const Hello& hello) {
  return frame_bytes(FrameType::hello, hello.life.incarnation, encode_hello(hello));
}

TEST_F(MeshTest, TheSmallerIdConnectsAndBothComeUp) {
  one = start(config(NodeId(1), 11, {NodeId(2)}));
  two = start(config(NodeId(2), 22, {NodeId(1)}));
  network.run(seconds(1));
  EXPECT_EQ(network.connects[address_of(NodeId(1))], 0);
  EXPECT_EQ(network.connects[address_of(NodeId(2))], 1);
  EXPECT_EQ(one->log, std::vector<std::string>{"up 2 life 22"});
  EXPECT_EQ(two->log, std::vector<std::string>{"up 1 life 11"});
}

TEST_F(MeshTest, MessagesArriveWithChannelGroupAndBytes) {
  start_pair();
  const std::vector<Buffer> parts = {Buffer::copy_of("head "), Buffer::copy_of(std::string(2000, 'b')),
                                     Buffer::copy_of(" tail")};
  EXPECT_TRUE(one->mesh->send(NodeId(2), Channel::service, GroupId(9), parts));
  EXPECT_TRUE(two->send(NodeId(1), "back"));
  EXPECT_FALSE(one->send(NodeId(3), "nobody"));
  network.deliver();
  EXPECT_EQ(two->messages, std::vector<std::string>{"1 service 9: head " + std::string(2000, 'b') + " tail"});
  EXPECT_EQ(one->messages, std::vector<std::string>{"2 consensus 1: back"});
}

TEST_F(MeshTest, ATurnsMessagesLeaveInOneSendAndArriveInOneTurn) {
  start_pair();
  const std::size_t chunks = network.chunks;
  for (int i = 0; i < 100; ++i) {
    EXPECT_TRUE(one->send(NodeId(2), std::to_string(i)));
  }
  network.deliver();
  EXPECT_EQ(network.chunks, chunks + 1);
  ASSERT_EQ(two->messages.size(), 100U);
  EXPECT_EQ(two->messages[99], "1 consensus 1: 99");
}

TEST_F(MeshTest, AnotherClusterIsRefusedOnBothSidesOnce) {
  one = start(config(NodeId(1), 11, {NodeId(2)}));
  MeshConfig other = config(NodeId(2), 22, {NodeId(1)});
  other.cluster = ClusterId(0xdef);
  two = start(other);
  network.run(seconds(10));
  const std::string text = "wrong cluster: node 1 belongs to cluster abc, node 2 to cluster def";
  EXPECT_EQ(one->log, std::vector<std::string>{"rejected 2: " + text});
  EXPECT_EQ(two->log, std::vector<std::string>{"rejected 1: " + text});
  EXPECT_EQ(one->link(NodeId(2)).last_error, text);
  EXPECT_LE(network.connects[address_of(NodeId(2))], 21);  // patience: every half to whole second
}

TEST_F(MeshTest, ARecycledAddressIsRefused) {
  one = start(config(NodeId(1), 11, {NodeId(2)}));
  MeshConfig other = config(NodeId(3), 33, {NodeId(1)});
  other.listen_address = address_of(NodeId(2));
  auto three = start(other);
  network.run(seconds(3));
  EXPECT_EQ(one->log,
            std::vector<std::string>{"rejected 2: wrong node: node 1 looked for node 2 where node 3 answers"});
  EXPECT_FALSE(three->mesh->is_up(NodeId(1)));
}

TEST_F(MeshTest, AnUnknownNodeIsRefused) {
  one = start(config(NodeId(1), 11, {NodeId(2)}));
  two = start(config(NodeId(2), 22, {NodeId(3)}));
  network.run(seconds(1));
  EXPECT_EQ(one->log, std::vector<std::string>{"rejected 2: unknown node: 1 is not a member that node 2 knows"});
}

TEST_F(MeshTest, TheSameNodeIdTwiceIsRefusedByTheLifeThatIsOlder) {
  start_pair();
  auto copy = start(config(NodeId(1), 10, {NodeId(2)}));
  network.run(seconds(1));
  EXPECT_TRUE(one->mesh->is_up(NodeId(2)));
  EXPECT_FALSE(copy->mesh->is_up(NodeId(2)));
  ASSERT_EQ(copy->log.size(), 1U);
  EXPECT_EQ(copy->log[0],
            "rejected 2: same node id twice, or an old copy of its data: node 1 runs its life 10, node 2 has met its "
            "life 11");
  EXPECT_EQ(two->log, std::vector<std::string>{
                          "rejected 1: same node id twice, or an old copy of its data: node 1 runs its life 10, node "
                          "2 has met its life 11"});
}

// C-12: the greater id waits to be connected, and hears all the same why it is not.
TEST_F(MeshTest, WhoComesBackWithAnotherDirectoryIsRefusedByWhoHasMetItInALifeBefore) {
  for (const NodeId lost : {NodeId(1), NodeId(2)}) {
    const NodeId whole = lost == NodeId(1) ? NodeId(2) : NodeId(1);
    const auto judge = std::make_unique<Node>(loop, network);
    ASSERT_TRUE(judge->met.note(lost, {Incarnation(22), 7, 1}));
    judge->mesh =
        Mesh::start(config(whole, 12, {lost}), loop, loop, judge->entropy, network, judge->met, *judge, *judge).value();
    MeshConfig with = config(lost, 99, {whole});
    with.life.birth = 8;
    const std::unique_ptr<Node> refused = start(with);
    network.run(seconds(5));
    EXPECT_FALSE(judge->mesh->is_up(lost));
    EXPECT_FALSE(refused->mesh->is_up(whole));
    ASSERT_EQ(refused->log.size(), 1U) << "its groups have not heard of a link, not even for a moment";
    ASSERT_EQ(judge->log.size(), 1U);
    const std::string why = "lost data: node " + std::to_string(lost.value()) + " was here before";
    EXPECT_TRUE(refused->log[0].starts_with("rejected " + std::to_string(whole.value()) + ": " + why));
    EXPECT_TRUE(judge->log[0].starts_with("rejected " + std::to_string(lost.value()) + ": " + why));
  }
}

// F-P6: of two copies that were started equally often, the one that was met first is heard.
TEST_F(MeshTest, ACopyThatWasStartedAsOftenIsRefused) {
  one = start(config(NodeId(1), 11, {NodeId(2)}));
  for (const std::uint64_t start_of : {5, 6}) {
    MeshConfig with = config(NodeId(2), 22, {NodeId(1)});
    with.life.start = start_of;
    two = start(with);
    network.run(seconds(3));
    EXPECT_EQ(two->mesh->is_up(NodeId(1)), start_of == 5);
    two.reset();
    network.listeners.erase(address_of(NodeId(2)));
    network.run(seconds(2));
  }
  EXPECT_EQ(one->log.back(),
            "rejected 2: same node id twice, or an old copy of its data: node 2 runs another life 22 than node 1 has "
            "met");
}

TEST_F(MeshTest, AVersionThatDoesNotFitIsRefusedNamingBoth) {
  two = start(config(NodeId(2), 22, {NodeId(1)}));
  Stranger future;
  future.stream = network.connect(address_of(NodeId(2)), future);
  network.deliver();
  Hello hello{.version = 9, .oldest_version = 8, .cluster = kCluster, .from = NodeId(1), .to = NodeId(2)};
  hello.life.incarnation = Incarnation(1);
  future.say(hello_bytes(hello));
  network.deliver();
  EXPECT_EQ(future.refusal().text, "node 1 speaks peer protocol 8 to 9, node 2 speaks 1");
  network.run(seconds(2));
  EXPECT_TRUE(future.closed);
}

TEST_F(MeshTest, AnOlderConnectionOfTheSameLifeIsRefusedQuietly) {
  start_pair();
  Stranger late;
  late.stream = network.connect(address_of(NodeId(2)), late);
  network.deliver();
  Hello hello{.cluster = kCluster, .from = NodeId(1), .to = NodeId(2), .life = {Incarnation(11)}};
  hello.attempt = 1;  // that of the link that is up
  late.say(hello_bytes(hello));
  network.deliver();
  EXPECT_EQ(late.refusal().code, RefusalCode::older_attempt);
  EXPECT_TRUE(two->log.empty());
  Stranger newer;
  newer.stream = network.connect(address_of(NodeId(2)), newer);
  network.deliver();
  hello.attempt = 100;
  newer.say(hello_bytes(hello));
  network.deliver();
  EXPECT_EQ(two->log, (std::vector<std::string>{"down 1 life 11: connected anew"}));
  newer.say(frame_bytes(FrameType::heartbeat, hello.life.incarnation, std::string(24, '\0')));
  network.deliver();
  EXPECT_EQ(two->log.back(), "up 1 life 11") << "it speaks, so it has accepted";
}

TEST_F(MeshTest, TheGreaterIdHasToWait) {
  one = start(config(NodeId(1), 11, {NodeId(2)}));
  Stranger eager;
  eager.stream = network.connect(address_of(NodeId(1)), eager);
  network.deliver();
  eager.say(hello_bytes({.cluster = kCluster, .from = NodeId(2), .to = NodeId(1), .life = {Incarnation(22)}}));
  network.deliver();
  EXPECT_EQ(eager.refusal().code, RefusalCode::wrong_side);
  EXPECT_FALSE(one->mesh->is_up(NodeId(2)));
}

TEST_F(MeshTest, MessagesBeforeTheHandshakeAreNotHeard) {
  two = start(config(NodeId(2), 22, {NodeId(1)}));
  Stranger rude;
  rude.stream = network.connect(address_of(NodeId(2)), rude);
  network.deliver();
  FrameBatch batch;
  Frame frame;
  frame.channel = 1;
  frame.sender = Incarnation(11);
  const Buffer part = Buffer::copy_of("let me in");
  batch.add(frame, {&part, 1});
  rude.say(std::string(batch.chunks()[0].view()));
  network.deliver();
  EXPECT_TRUE(two->messages.empty());
  EXPECT_TRUE(two->log.empty());
  batch.clear();
  const Buffer large = Buffer::copy_of(std::string(kMaxHandshakeBytes + 1, 'x'));
  batch.add(frame, {&large, 1});
  rude.say(std::string(batch.chunks()[0].view()) + std::string(large.view()));
  network.deliver();
  EXPECT_TRUE(rude.closed);
}

TEST_F(MeshTest, ANewLifeReplacesTheOldAndItsMessagesAreIgnored) {
  start_pair();
  auto again = start(config(NodeId(1), 12, {NodeId(2)}));
  network.deliver();
  EXPECT_EQ(two->log, (std::vector<std::string>{"down 1 life 11: restarted", "up 1 life 12"}));
  // What the old life had sent still turns up.
  FrameBatch batch;
  Frame frame;
  frame.channel = 1;
  frame.group = GroupId(1);
  frame.sender = Incarnation(11);
  const Buffer part = Buffer::copy_of("ghost");
  batch.add(frame, {&part, 1});
  FakeStream* at_two = nullptr;
  for (FakeStream* candidate : network.streams) {
    at_two = candidate;  // accepted last
  }
  network.arrive(at_two, std::string(batch.chunks()[0].view()));
  EXPECT_TRUE(two->messages.empty());
  EXPECT_EQ(two->link(NodeId(1)).stale_frames, 1U);
  EXPECT_TRUE(two->mesh->is_up(NodeId(1)));
}

TEST_F(MeshTest, SilenceIsPeerDownAfterTheLimit) {
  start_pair();
  network.black_hole = true;
  network.run(milliseconds(899));
  EXPECT_TRUE(one->mesh->is_up(NodeId(2)));
  network.run(milliseconds(201));
  ASSERT_FALSE(one->log.empty());
  EXPECT_EQ(one->log[0].substr(0, 24), "down 2 life 22: silent f");
  ASSERT_FALSE(two->log.empty());
  EXPECT_EQ(two->log[0].substr(0, 24), "down 1 life 11: silent f");
  network.black_hole = false;
  network.run(seconds(5));
  EXPECT_EQ(one->log.back(), "up 2 life 22");
  EXPECT_EQ(two->log.back(), "up 1 life 11");
}

TEST_F(MeshTest, AConnectionThatHangsIsATimeOut) {
  network.black_hole = true;
  one = start(config(NodeId(1), 11, {NodeId(2)}));
  network.run(milliseconds(1100));
  EXPECT_EQ(one->link(NodeId(2)).last_error, "timed out");
}

TEST_F(MeshTest, AnIdleLinkStaysUpAndKnowsItsRoundTrip) {
  start_pair();
  const std::size_t chunks = network.chunks;
  network.run(seconds(60));
  EXPECT_TRUE(one->log.empty());
  EXPECT_TRUE(two->log.empty());
  EXPECT_NEAR(static_cast<double>(network.chunks - chunks), 1200, 20);  // one heartbeat and its answer per 100 ms
}

TEST_F(MeshTest, AResetIsPeerDownAtOnceAndTheNextConnectionFollowsSoon) {
  start_pair();
  network.close(network.streams.back(), env::CloseReason::reset);
  EXPECT_EQ(one->log, std::vector<std::string>{"down 2 life 22: reset by the other side"});
  EXPECT_EQ(two->log, std::vector<std::string>{"down 1 life 11: reset by the other side"});
  EXPECT_FALSE(one->send(NodeId(2), "lost"));
  EXPECT_EQ(one->link(NodeId(2)).dropped_frames, 1U);
  network.run(milliseconds(11));
  EXPECT_EQ(one->log.back(), "up 2 life 22");
}

TEST_F(MeshTest, BackOffGrowsWithJitterAndIsShortWhileTheHostAnswers) {
  one = start(config(NodeId(1), 11, {NodeId(2)}));
  network.run(seconds(10));
  EXPECT_EQ(one->link(NodeId(2)).last_error, "refused");
  const int refused = network.connects[address_of(NodeId(2))];
  EXPECT_GE(refused, 60);   // at most 125 ms apart
  EXPECT_LE(refused, 170);  // at least 62 ms, after the first few
  network.black_hole = true;
  network.run(seconds(10));
  const int hanging = network.connects[address_of(NodeId(2))] - refused;
  EXPECT_GE(hanging, 4);
  EXPECT_LE(hanging, 10);
}

TEST_F(MeshTest, AFullQueueDropsAndCounts) {
  MeshConfig small = config(NodeId(1), 11, {NodeId(2)});
  small.max_queue_bytes = 10'000;
  small.max_frame_bytes = 6'000;
  one = start(small);
  two = start(config(NodeId(2), 22, {NodeId(1)}));
  network.run(seconds(1));
  const std::string big(4'900, 'q');
  EXPECT_TRUE(one->send(NodeId(2), big));
  EXPECT_TRUE(one->send(NodeId(2), big));
  EXPECT_FALSE(one->send(NodeId(2), big));
  network.deliver();
  EXPECT_EQ(two->messages.size(), 2U);
  network.streams.front()->unsent = 9'000;  // the network takes nothing
  network.streams.back()->unsent = 9'000;
  EXPECT_FALSE(one->send(NodeId(2), big));
  EXPECT_TRUE(one->send(NodeId(2), "small"));
  network.streams.front()->unsent = network.streams.back()->unsent = 0;
  EXPECT_FALSE(one->send(NodeId(2), std::string(6'001, 'x')));
  EXPECT_EQ(one->link(NodeId(2)).dropped_frames, 3U);
}

TEST_F(MeshTest, LostRepeatedAndSwappedChunksLoseMessagesButNeverBreakTheLink) {
  start_pair();
  CountingEntropy chance;
  std::vector<std::string> held;
  network.bend = [&](const std::string& chunk) -> std::vector<std::string> {
    switch (chance.between(0, 1U << 20) % 7) {
      case 1: return {};
      case 2: return {chunk, chunk};
      case 3: held.push_back(chunk); return {};
      case 5: {
        std::vector<std::string> result = {chunk};
        result.insert(result.end(), held.begin(), held.end());
        held.clear();
        return result;
      }
      default: return {chunk};
    }
  };
  for (int i = 0; i < 700; ++i) {
    one->send(NodeId(2), std::to_string(i));
    network.run(milliseconds(3));
  }
  EXPECT_EQ(one->log, std::vector<std::string>{});
  EXPECT_EQ(two->log, std::vector<std::string>{});
  EXPECT_GT(two->messages.size(), 400U);
  EXPECT_LT(std::set<std::string>(two->messages.begin(), two->messages.end()).size(), 700U);
}

TEST_F(MeshTest, AHandshakeUnderLossSucceedsInTheEnd) {
  std::uint64_t number = 0;
  network.bend = [&](const std::string& chunk) -> std::vector<std::string> {
    return ++number % 3 == 0 ? std::vector<std::string>{chunk, chunk}
           : number < 6      ? std::vector<std::string>{}
                             : std::vector<std::string>{chunk};
  };
  one = start(config(NodeId(1), 11, {NodeId(2)}));
  two = start(config(NodeId(2), 22, {NodeId(1)}));
  network.run(seconds(20));
  EXPECT_TRUE(one->mesh->is_up(NodeId(2)));
  EXPECT_TRUE(two->mesh->is_up(NodeId(1)));
}

TEST_F(MeshTest, ChunksSplitAtEveryByteArriveWhole) {
  std::size_t cut = 0;
  network.bend = [&](const std::string& chunk) -> std::vector<std::string> {
    const std::size_t at = std::min(cut, chunk.size());
    return {chunk.substr(0, at), chunk.substr(at)};
  };
  for (cut = 1; cut < 200; ++cut) {
    start_pair();
    one->send(NodeId(2), "first " + std::to_string(cut));
    one->send(NodeId(2), "second " + std::to_string(cut));
    network.deliver();
    ASSERT_EQ(two->messages.size(), 2U) << "cut at " << cut;
    EXPECT_EQ(two->messages[1], "1 consensus 1: second " + std::to_string(cut));
    one.reset();
    two.reset();
    network.listeners.clear();
  }
}

TEST_F(MeshTest, AFlippedBitAnywhereEndsTheConnectionAndIsCounted) {
  start_pair();
  std::size_t at = 0;
  bool flip = false;
  network.bend = [&](const std::string& chunk) -> std::vector<std::string> {
    if (!flip || chunk.size() <= at) {
      return {chunk};
    }
    flip = false;
    std::string bent = chunk;
    bent[at] = static_cast<char>(bent[at] ^ 0x10);
    return {bent};
  };
  for (at = 0; at < kFrameHeaderBytes + 7; ++at) {
    const std::uint64_t before = two->link(NodeId(1)).damaged_frames;
    flip = true;
    ASSERT_TRUE(one->send(NodeId(2), "payload"));
    network.deliver();
    EXPECT_TRUE(two->messages.empty()) << "byte " << at;
    EXPECT_EQ(two->link(NodeId(1)).damaged_frames, before + 1) << "byte " << at;
    flip = false;
    network.run(seconds(3));
    ASSERT_TRUE(one->mesh->is_up(NodeId(2))) << "byte " << at;
  }
}

TEST_F(MeshTest, StrangersDoNotHoldUpOrFillThePort) {
  start_pair();
  std::vector<Stranger> strangers(200);
  for (Stranger& stranger : strangers) {
    stranger.stream = network.connect(address_of(NodeId(2)), stranger);
    network.deliver();
  }
  const auto open = [&] {
    return std::count_if(strangers.begin(), strangers.end(), [](const Stranger& one_of) { return !one_of.closed; });
  };
  EXPECT_EQ(open(), 64);
  strangers.back().say("GET / HTTP/1.1\r\nHost: example.org\r\n\r\n");
  network.deliver();
  EXPECT_EQ(open(), 63);
  network.run(milliseconds(5100));
  EXPECT_EQ(open(), 0);
  EXPECT_TRUE(one->log.empty());
  EXPECT_TRUE(two->log.empty());
}

TEST_F(MeshTest, ANewPeerIsLinkedAndAMovedOneIsFoundAgain) {
  one = start(config(NodeId(1), 11, {}));
  two = start(config(NodeId(2), 22, {NodeId(1)}));
  network.run(seconds(1));
  EXPECT_FALSE(one->mesh->is_up(NodeId(2)));
  one->mesh->set_peer({NodeId(2), "nowhere:2380"});
  network.run(seconds(2));
  EXPECT_FALSE(one->mesh->is_up(NodeId(2)));
  one->mesh->set_peer({NodeId(2), address_of(NodeId(2))});
  network.run(seconds(2));
  EXPECT_TRUE(one->mesh->is_up(NodeId(2)));
  one->mesh->set_peer({NodeId(1), address_of(NodeId(1))});  // itself: nothing happens
  EXPECT_EQ(one->mesh->links().size(), 1U);
}

TEST_F(MeshTest, ARetiredPeerHearsTheLastWordAndIsRefusedForEver) {
  start_pair();
  two->mesh->retire(NodeId(1));
  EXPECT_TRUE(two->send(NodeId(1), "the last word"));
  network.run(milliseconds(500));
  EXPECT_EQ(one->messages.size(), 1U);
  EXPECT_TRUE(two->mesh->is_up(NodeId(1)));
  network.run(seconds(3));
  EXPECT_FALSE(two->mesh->is_up(NodeId(1)));
  EXPECT_TRUE(two->mesh->links().empty());
  ASSERT_FALSE(one->log.empty());
  EXPECT_EQ(one->log.back(), "removed: node 1 was removed from cluster abc: it cannot come back under this id");
  two->mesh->set_peer({NodeId(1), address_of(NodeId(1))});
  EXPECT_TRUE(two->mesh->links().empty());
}

TEST_F(MeshTest, ARemovedNodeThatWaitsToBeConnectedAsksInTheEnd) {
  one = start(config(NodeId(1), 11, {}));
  one->mesh->retire(NodeId(2));
  network.run(seconds(2));
  two = start(config(NodeId(2), 22, {NodeId(1)}));
  network.run(seconds(4));
  EXPECT_TRUE(two->log.empty());
  network.run(seconds(4));
  ASSERT_FALSE(two->log.empty());
  EXPECT_TRUE(two->log.back().starts_with("removed: ")) << two->log.back();
}

TEST_F(MeshTest, WhoWasRemovedBeforeTheStartIsRefused) {
  MeshConfig with = config(NodeId(2), 22, {});
  with.removed = {NodeId(1)};
  two = start(with);
  one = start(config(NodeId(1), 11, {NodeId(2)}));
  network.run(seconds(2));
  ASSERT_FALSE(one->log.empty());
  EXPECT_TRUE(one->log.back().starts_with("removed: ")) << one->log.back();
}

TEST_F(MeshTest, TellsAStrangerWhoAsksWhoTheMembersAre) {
  one = start(config(NodeId(1), 11, {}));
  bool done = false;
  Inquiry inquiry(loop, loop, network, [&done] { done = true; });
  inquiry.ask({address_of(NodeId(1)), "nobody:2380"}, seconds(3));
  network.run(seconds(4));
  ASSERT_TRUE(done);
  ASSERT_EQ(inquiry.outcomes().size(), 2U);
  for (const Inquiry::Outcome& outcome : inquiry.outcomes()) {
    EXPECT_EQ(outcome.answer.has_value(), outcome.address == address_of(NodeId(1))) << outcome.address;
    if (outcome.answer) {
      EXPECT_EQ(outcome.answer->view(), "the members");
    }
  }
}

TEST_F(MeshTest, AnImpossibleConfigurationIsRefused) {
  Node node(loop, network);
  const auto try_start = [&](MeshConfig with) {
    return Mesh::start(std::move(with), loop, loop, node.entropy, network, node.met, node, node);
  };
  EXPECT_EQ(try_start(config(NodeId(1), 1, {NodeId(2), NodeId(2)})).error().text,
            "node id 2 stands twice in the cluster");
  EXPECT_FALSE(try_start(config(NodeId(1), 1, {NodeId(1)})));
  EXPECT_FALSE(try_start(config(NodeId(1), 0, {NodeId(2)})));
}

}  // namespace
}  // namespace quorate::peer
