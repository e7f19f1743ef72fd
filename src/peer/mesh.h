#pragma once
// The links of a node: one connection per pair, which carries the messages of all groups.
//
// Invariants: 1. a frame is delivered only if its checksum holds and the handshake named this cluster, this node and
//                a known peer with its incarnation. 2. queues are bounded in bytes: what does not fit is dropped and
//                counted; links promise nothing. 3. one heartbeat per pair; silence beyond the limit or a reset is
//                PeerDown. 4. a life that is older than one that was met, by this life or one before, is never heard.
//                5. everything sent in a turn leaves in one write per peer.
// Of two nodes the one with the smaller id connects. Wire format: docs/formats/peer.md.
// Owned by the node's host, on the loop.

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/ids.h"
#include "base/result.h"
#include "base/trace.h"
#include "env/clock.h"
#include "env/entropy.h"
#include "env/loop.h"
#include "env/transport.h"
#include "peer/life.h"
#include "peer/met_lives.h"
#include "quorum/phase_sizes.h"

namespace quorate::peer {

/// Who a frame is for at the other node.
enum class Channel : std::uint8_t {
  consensus = 1,  ///< the cores of groups
  service = 2,    ///< forwarded requests and their answers
  snapshot = 3,   ///< states of groups, in chunks
  mending = 4,    ///< payloads that a damaged log has lost
};

struct Peer {
  NodeId node;
  std::string address;  ///< "host:port"
};

struct MeshConfig {
  ClusterId cluster;
  NodeId self;
  Life life;
  std::string consensus;  ///< as Hello::consensus
  quorum::PhaseSizes quorum_sizes{};
  std::string listen_address;
  std::vector<Peer> peers;      ///< without self
  std::vector<NodeId> removed;  ///< were members once, and never will be again
  Duration heartbeat_interval = std::chrono::milliseconds(100);
  Duration silence_limit = std::chrono::milliseconds(1000);  ///< without a frame: the link is down
  Duration reconnect_min = std::chrono::milliseconds(10);
  Duration reconnect_max = std::chrono::milliseconds(1000);
  std::size_t max_frame_bytes = 16U << 20;
  std::size_t max_queue_bytes = 64U << 20;  ///< per peer
};

/// What a person sees of a link: for start-up messages, status and metrics.
struct LinkStatus {
  NodeId node;
  bool up = false;
  Life life;               ///< of the peer, that shook hands last
  std::string last_error;  ///< "refused", "timed out", "does not resolve", "wrong cluster ..."
  Duration round_trip{};   ///< of the last heartbeat
  std::uint64_t sent_bytes = 0;
  std::uint64_t received_bytes = 0;
  std::uint64_t dropped_frames = 0;  ///< not sent: link down, queue full or too long
  std::uint64_t damaged_frames = 0;  ///< received, with a wrong checksum or form: each ended a connection
  std::uint64_t stale_frames = 0;    ///< received from another life of the peer, and ignored
};

class MeshEvents {
 public:
  virtual ~MeshEvents() = default;
  /// One message. `message` may be sliced and kept; it pins the block that it arrived in.
  virtual void on_message(NodeId from, Channel channel, GroupId group, Buffer message) = 0;
  virtual void on_peer_up(NodeId node, Incarnation incarnation) = 0;
  virtual void on_peer_down(NodeId node, Incarnation incarnation, std::string_view why) = 0;
  /// The peer refused us or we refused it for a reason that a person must mend (wrong cluster, same id twice).
  virtual void on_peer_rejected(NodeId node, std::string_view why) = 0;
  /// A peer says that this node was removed from the cluster.
  virtual void on_removed(std::string_view why) = 0;
  /// What somebody is told who wants to join: the members, in the host's own bytes.
  [[nodiscard]] virtual Buffer describe_members() = 0;
};

class Mesh {
 public:
  [[nodiscard]] static Result<std::unique_ptr<Mesh>> start(MeshConfig config, env::Loop& loop, const env::Clock& clock,
                                                           env::Entropy& entropy, env::Transport& transport,
                                                           MetLives& met, MeshEvents& events, TraceSink& traces);
  virtual ~Mesh() = default;

  /// Queues one message made of `parts` (concatenated on the wire, not copied here beyond small ones). Returns
  /// false if it was dropped: link down, or queue full.
  virtual bool send(NodeId to, Channel channel, GroupId group, std::span<const Buffer> parts) = 0;

  /// Links to a node that is new, or has moved. Nothing happens for one that was retired.
  virtual void set_peer(Peer peer) = 0;
  /// The node is no member any more. Its link stays for a silence limit, so that it hears the last word; then the node
  /// is refused for ever.
  virtual void retire(NodeId node) = 0;

  /// What MetLives has told: a link that waits for it goes on.
  virtual void on_life_noted(NodeId node) = 0;

  [[nodiscard]] virtual bool is_up(NodeId node) const = 0;
  [[nodiscard]] virtual std::vector<LinkStatus> links() const = 0;
};

}  // namespace quorate::peer
