#include "peer/mesh.h"

#include <algorithm>
#include <utility>

#include "peer/link.h"

namespace quorate::peer {
namespace {

constexpr std::size_t kMaxArrivals = 64;                     ///< connections of which nobody knows yet who speaks
constexpr Duration kArrivalLimit = std::chrono::seconds(5);  ///< to say who speaks
constexpr Duration kRefusedLimit = std::chrono::seconds(1);  ///< to read the refusal and go
constexpr std::size_t kRememberedRejections = 16;

Status check_config(const MeshConfig& config) {
  if (config.self.is_none() || config.life.incarnation.is_none() || config.cluster.is_none()) {
    return fail(ErrorCode::invalid, "a node needs its id, its cluster's id and an incarnation to speak to others");
  }
  std::vector<NodeId> seen{config.self};
  for (const Peer& peer : config.peers) {
    if (peer.node.is_none() || std::find(seen.begin(), seen.end(), peer.node) != seen.end()) {
      return fail(ErrorCode::invalid, "node id " + hex(peer.node.value()) + " stands twice in the cluster");
    }
    seen.push_back(peer.node);
  }
  return {};
}

class NodeMesh final : public Mesh, private env::AcceptEvents, private ConnectionOwner {
 public:
  NodeMesh(MeshConfig config, env::Loop& loop, const env::Clock& clock, env::Entropy& entropy,
           env::Transport& transport, MetLives& met, MeshEvents& events, TraceSink& traces)
      : context_{std::move(config), loop, clock, entropy, transport, met, events, traces, {}},
        removed_(context_.config.removed) {
    for (const NodeId node : removed_) {
      met.forget(node);
    }
    for (const Peer& peer : context_.config.peers) {
      links_.push_back(std::make_unique<Link>(context_, peer));
    }
  }
  ~NodeMesh() override { context_.loop.cancel(timer_); }
  NodeMesh(const NodeMesh&) = delete;
  NodeMesh& operator=(const NodeMesh&) = delete;

  [[nodiscard]] Status start() {
    if (!context_.config.listen_address.empty()) {
      QUORATE_TRY(context_.transport.listen(context_.config.listen_address, *this));
    }
    for (const std::unique_ptr<Link>& link : links_) {
      link->start();
    }
    return {};
  }

  void set_peer(Peer peer) override;
  void retire(NodeId node) override;
  void on_life_noted(NodeId node) override {
    if (Link* link = find(node); link != nullptr) {
      link->on_life_noted();
    }
  }
  bool send(NodeId to, Channel channel, GroupId group, std::span<const Buffer> parts) override {
    Link* link = find(to);
    return link != nullptr && link->send(channel, group, parts);
  }
  [[nodiscard]] bool is_up(NodeId node) const override {
    const Link* link = find(node);
    return link != nullptr && link->is_up();
  }
  [[nodiscard]] std::vector<LinkStatus> links() const override {
    std::vector<LinkStatus> result;
    for (const std::unique_ptr<Link>& link : links_) {
      result.push_back(link->status());
    }
    return result;
  }

 private:
  /// An accepted connection before its hello, or after its refusal.
  struct Arrival {
    std::unique_ptr<Connection> connection;
    Instant deadline;
    bool refused = false;
  };
  struct Rejection {
    NodeId node;
    std::string text;
  };

  env::StreamEvents& on_accepted(std::unique_ptr<env::Stream> stream, std::string_view remote) override;
  void on_connected(Connection& /*connection*/) override {}
  void on_heard(Connection& /*connection*/, std::size_t /*bytes*/) override {}
  void on_frame(Connection& connection, Frame& frame) override;
  void on_lost(Connection& connection, const Loss& loss) override;

  [[nodiscard]] std::optional<Refusal> judge(const Hello& hello) const;
  void answer_question(Arrival& arrival);
  void close_links(Instant now);
  void clear_closed(std::uint64_t) { closed_links_.clear(); }
  [[nodiscard]] bool is_removed(NodeId node) const { return std::ranges::find(removed_, node) != removed_.end(); }
  void refuse(Arrival& arrival, const Hello& hello, const Refusal& refusal);
  void report_rejection(NodeId node, const std::string& text);
  std::unique_ptr<Connection> remove(const Connection& connection);
  void arm_timer();
  void on_timer(std::uint64_t token);

  [[nodiscard]] Link* find(NodeId node) const {
    for (const std::unique_ptr<Link>& link : links_) {  // a handful
      if (link->peer().node == node) {
        return link.get();
      }
    }
    return nullptr;
  }
  std::vector<Arrival>::iterator arrival_of(const Connection& connection) {
    return std::find_if(arrivals_.begin(), arrivals_.end(),
                        [&](const Arrival& arrival) { return arrival.connection.get() == &connection; });
  }

  MeshContext context_;
  std::vector<std::unique_ptr<Link>> links_;
  std::vector<Arrival> arrivals_;  ///< oldest first
  struct Leaving {
    NodeId node;
    Instant until;
  };
  std::vector<Leaving> leaving_;
  std::vector<NodeId> removed_;                      ///< the links of some of them are still there
  std::vector<std::unique_ptr<Link>> closed_links_;  ///< destroyed at the end of the turn
  std::vector<Rejection> rejections_;
  env::TimerId timer_ = 0;
};

env::StreamEvents& NodeMesh::on_accepted(std::unique_ptr<env::Stream> stream, std::string_view /*remote*/) {
  if (arrivals_.size() >= kMaxArrivals) {
    context_.traces.trace({.name = "peer.arrivals_full"});
    context_.lay_aside(std::move(arrivals_.front().connection));  // strangers cannot keep peers out for long
    arrivals_.erase(arrivals_.begin());
  }
  arrivals_.push_back(
      {std::make_unique<Connection>(static_cast<ConnectionOwner&>(*this)), context_.clock.now() + kArrivalLimit});
  Connection& connection = *arrivals_.back().connection;
  connection.accept(std::move(stream));
  arm_timer();
  return connection;
}

void NodeMesh::on_frame(Connection& connection, Frame& frame) {
  const auto arrival = arrival_of(connection);
  if (arrival == arrivals_.end() || arrival->refused) {
    return;
  }
  if (frame.type == FrameType::question && is_question(frame.body.view())) {
    answer_question(*arrival);
    return;
  }
  if (frame.type != FrameType::hello) {
    context_.traces.trace({.name = "peer.early_frame"});  // overtook the hello; links promise nothing
    return;
  }
  const Result<Hello> hello = decode_hello(frame.body.view());
  if (!hello) {
    on_lost(connection, Loss{.by_damage = true, .detail = hello.error().text});
    return;
  }
  if (const std::optional<Refusal> refusal = judge(*hello)) {
    refuse(*arrival, *hello, *refusal);
    return;
  }
  find(hello->from)->adopt(remove(connection), *hello);
}

std::optional<Refusal> NodeMesh::judge(const Hello& hello) const {
  const Link* link = find(hello.from);
  const Hello self{.cluster = context_.config.cluster,
                   .from = context_.config.self,
                   .life = context_.config.life,
                   .consensus = context_.config.consensus,
                   .quorum_sizes = context_.config.quorum_sizes};
  if (hello.cluster == self.cluster && link == nullptr && is_removed(hello.from)) {
    return Refusal{RefusalCode::removed, "node " + hex(hello.from.value()) + " was removed from cluster " +
                                             hex(self.cluster.value()) + ": it cannot come back under this id"};
  }
  if (std::optional<Refusal> refusal = judge_hello(hello, self, link != nullptr)) {
    return refusal;
  }
  if (link == nullptr) {  // only with a planted bug
    return Refusal{RefusalCode::unknown_node, "unknown node"};
  }
  if (hello.from > context_.config.self) {
    return Refusal{RefusalCode::wrong_side, "node " + hex(hello.from.value()) + " has to wait for node " +
                                                hex(context_.config.self.value()) + " to connect"};
  }
  return link->judge_again(hello);
}

void NodeMesh::refuse(Arrival& arrival, const Hello& hello, const Refusal& refusal) {
  context_.traces.trace(
      {.name = trace_name(refusal.code), .a = hello.from.value(), .b = static_cast<std::uint64_t>(refusal.code)});
  arrival.refused = true;
  arrival.deadline = context_.clock.now() + kRefusedLimit;
  arrival.connection->send(FrameType::refusal, context_.config.life.incarnation, encode_refusal(refusal));
  arm_timer();
  const bool only_asks = hello.from > context_.config.self && find(hello.from) != nullptr;
  if (refusal.code == RefusalCode::older_attempt || only_asks) {
    return;  // of a peer that only asks, this side's own attempts tell a person all there is
  }
  Link* link = refusal.code == RefusalCode::wrong_cluster ? nullptr : find(hello.from);
  if (link != nullptr) {
    link->report_rejection(refusal.text);
  } else {
    report_rejection(hello.from, refusal.text);
  }
}

/// Whoever asks learns what any member would tell it: names and addresses, nothing that is stored.
void NodeMesh::answer_question(Arrival& arrival) {
  context_.traces.trace({.name = "peer.members_told"});
  arrival.refused = true;
  arrival.deadline = context_.clock.now() + kRefusedLimit;
  arrival.connection->send(FrameType::members, context_.config.life.incarnation,
                           std::string(context_.events.describe_members().view()));
  arm_timer();
}

void NodeMesh::set_peer(Peer peer) {
  if (peer.node == context_.config.self || is_removed(peer.node)) {
    return;
  }
  if (Link* known = find(peer.node); known != nullptr) {
    known->set_address(std::move(peer.address));
    return;
  }
  links_.push_back(std::make_unique<Link>(context_, std::move(peer)));
  links_.back()->start();
}

void NodeMesh::retire(NodeId node) {
  if (is_removed(node)) {
    return;
  }
  removed_.push_back(node);
  context_.met.forget(node);
  leaving_.push_back({node, context_.clock.now() + context_.config.silence_limit});
  arm_timer();
}

void NodeMesh::close_links(Instant now) {
  while (!leaving_.empty() && leaving_.front().until <= now) {
    const auto gone = std::ranges::find_if(
        links_, [node = leaving_.front().node](const auto& link) { return link->peer().node == node; });
    leaving_.erase(leaving_.begin());
    if (gone != links_.end()) {
      std::unique_ptr<Link> link = std::move(*gone);
      links_.erase(gone);
      link->close();
      closed_links_.push_back(std::move(link));
      context_.loop.defer(Callback<>::to<&NodeMesh::clear_closed>(this));
    }
  }
}

/// Reports each stranger once, as far as memory allows.
void NodeMesh::report_rejection(NodeId node, const std::string& text) {
  for (const Rejection& known : rejections_) {
    if (known.node == node && known.text == text) {
      return;
    }
  }
  if (rejections_.size() == kRememberedRejections) {
    rejections_.erase(rejections_.begin());
  }
  rejections_.push_back({node, text});
  context_.events.on_peer_rejected(node, text);
}

void NodeMesh::on_lost(Connection& connection, const Loss& loss) {
  if (loss.by_damage) {
    context_.traces.trace({.name = "peer.damaged_handshake"});
  }
  context_.lay_aside(remove(connection));
}

std::unique_ptr<Connection> NodeMesh::remove(const Connection& connection) {
  const auto arrival = arrival_of(connection);
  if (arrival == arrivals_.end()) {
    return nullptr;
  }
  std::unique_ptr<Connection> result = std::move(arrival->connection);
  arrivals_.erase(arrival);
  return result;
}

void NodeMesh::arm_timer() {
  context_.loop.cancel(timer_);
  timer_ = 0;
  Instant earliest = Instant::max();
  for (const Arrival& arrival : arrivals_) {
    earliest = std::min(earliest, arrival.deadline);
  }
  if (!leaving_.empty()) {
    earliest = std::min(earliest, leaving_.front().until);
  }
  if (earliest != Instant::max()) {
    timer_ = context_.loop.arm(earliest, Callback<>::to<&NodeMesh::on_timer>(this));
  }
}

void NodeMesh::on_timer(std::uint64_t /*token*/) {
  timer_ = 0;
  const Instant now = context_.clock.now();
  close_links(now);
  for (std::size_t i = 0; i < arrivals_.size();) {
    if (arrivals_[i].deadline <= now) {
      context_.lay_aside(std::move(arrivals_[i].connection));
      arrivals_.erase(arrivals_.begin() + static_cast<std::ptrdiff_t>(i));
    } else {
      ++i;
    }
  }
  arm_timer();
}

}  // namespace

Result<std::unique_ptr<Mesh>> Mesh::start(MeshConfig config, env::Loop& loop, const env::Clock& clock,
                                          env::Entropy& entropy, env::Transport& transport, MetLives& met,
                                          MeshEvents& events, TraceSink& traces) {
  QUORATE_TRY(check_config(config));
  auto mesh = std::make_unique<NodeMesh>(std::move(config), loop, clock, entropy, transport, met, events, traces);
  QUORATE_TRY(mesh->start());
  return std::unique_ptr<Mesh>(std::move(mesh));
}

}  // namespace quorate::peer
