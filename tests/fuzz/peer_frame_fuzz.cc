// Feeds a mesh what a hostile peer could send: raw bytes before and after a handshake, and frames whose checksums
// are right so that the fuzzer gets past them.
//
// The first byte chooses: bit 0 shake hands first, bit 1 wrap each piece as a frame, bits 2-7 the size of the pieces.
// Nothing may crash, leak, deliver what was not whole, or take memory for lengths that are only claimed (run with
// -malloc_limit_mb=8).

#include <algorithm>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/assert.h"
#include "peer/frame.h"
#include "peer/handshake.h"
#include "peer/mesh.h"

namespace quorate::peer {
namespace {

struct World : env::Loop, env::Clock, env::Entropy, env::Transport, MeshEvents, TraceSink {
  struct Silent : env::Stream {
    explicit Silent(bool& open_flag) : open(open_flag) { open = true; }
    ~Silent() override { open = false; }
    void send(std::span<const Buffer>) override {}
    [[nodiscard]] std::size_t unsent_bytes() const override { return 0; }
    bool& open;
  };

  env::TimerId arm(Instant, Callback<>) override { return ++timer; }
  void cancel(env::TimerId) override {}
  void defer(Callback<> work) override { deferred.push_back(work); }
  [[nodiscard]] Instant now() const override { return Instant(std::chrono::seconds(1)); }
  [[nodiscard]] WallTime wall() const override { return {}; }
  std::uint64_t next() override { return 4; }
  std::unique_ptr<env::Stream> connect(std::string_view, env::StreamEvents&) override { return nullptr; }
  Status listen(std::string_view, env::AcceptEvents& events) override {
    acceptor = &events;
    return {};
  }
  void on_message(NodeId from, Channel, GroupId, Buffer message) override {
    QUORATE_ASSERT(from == NodeId(1), "only the peer that shook hands is heard", from);
    QUORATE_ASSERT(message.size() <= 4096, "the limit holds", message.size());
    delivered += message.size();
  }
  void on_peer_up(NodeId, Incarnation) override {}
  void on_peer_down(NodeId, Incarnation, std::string_view) override {}
  void on_peer_rejected(NodeId, std::string_view) override {}
  void trace(const TraceEvent&) override {}

  void end_turn() {
    for (std::size_t i = 0; i < deferred.size(); ++i) {
      const Callback<> work = deferred[i];
      work();
    }
    deferred.clear();
  }

  env::TimerId timer = 0;
  std::vector<Callback<>> deferred;
  env::AcceptEvents* acceptor = nullptr;
  std::size_t delivered = 0;
  bool stream_open = false;
};

std::string framed(FrameType type, std::uint8_t channel, std::string_view body) {
  FrameBatch batch;
  Frame frame;
  frame.type = type;
  frame.channel = channel;
  frame.group = GroupId(1);
  frame.sender = Incarnation(3);
  const Buffer part = Buffer::copy_of(body);
  batch.add(frame, {&part, 1});
  std::string bytes;
  for (const Buffer& chunk : batch.chunks()) {
    bytes += chunk.view();
  }
  return bytes;
}

std::string good_hello() {
  Hello hello;
  hello.cluster = ClusterId(7);
  hello.from = NodeId(1);
  hello.to = NodeId(2);
  hello.incarnation = Incarnation(3);
  hello.attempt = 1;
  return framed(FrameType::hello, 0, encode_hello(hello));
}

void run(std::string_view input) {
  World world;
  MeshConfig config;
  config.cluster = ClusterId(7);
  config.self = NodeId(2);
  config.incarnation = Incarnation(1);
  config.listen_address = "here:1";
  config.peers = {{NodeId(1), "there:1"}};
  config.max_frame_bytes = 4096;
  const auto mesh = Mesh::start(config, world, world, world, world, world, world).value();
  env::StreamEvents& events =
      world.acceptor->on_accepted(std::make_unique<World::Silent>(world.stream_open), "stranger");

  const auto choice = static_cast<unsigned char>(input.front());
  input.remove_prefix(1);
  const auto feed = [&](const std::string& bytes) {
    if (world.stream_open && !bytes.empty()) {
      events.on_bytes(Buffer::copy_of(bytes));
      world.end_turn();
    }
  };
  if ((choice & 1) != 0) {
    feed(good_hello());
    QUORATE_ASSERT(mesh->is_up(NodeId(1)), "a good hello is accepted");
  }
  const std::size_t piece = 1 + (choice >> 2);
  while (!input.empty() && world.stream_open) {
    const std::string_view part = input.substr(0, std::min(piece, input.size()));
    input.remove_prefix(part.size());
    if ((choice & 2) != 0) {
      const auto kind = static_cast<unsigned char>(part.front());
      feed(framed(static_cast<FrameType>(kind & 7), kind >> 3 & 3, part.substr(1)));
    } else {
      feed(std::string(part));
    }
  }
}

}  // namespace
}  // namespace quorate::peer

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size > 0) {
    const std::string input(data, data + size);
    quorate::peer::run(input);
  }
  return 0;
}
