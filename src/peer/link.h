#pragma once
// The link to one peer: connects or waits to be connected, shakes hands, carries messages, notices silence.
//
//            connect          opened, hello          their hello        their life is noted
//   waiting ---------> connecting ---------> greeting ---------> noting --------------------> up
//            adopt()          their life is noted, hello          their first frame
//   waiting ---------> noting ------------------------> answered -----------------> up
//            connect          opened, hello          their refusal
//   waiting ---------> connecting ---------> greeting -------------> waiting
//   any: closed, damaged, silent, refused ---> waiting
//   any: close() ---> closed
// The first line is the node with the smaller id, which tries again after a back-off with jitter. The second is the one
// with the greater id; the third the same after a long wait: is it still a member?
//
// Invariants: 1. messages are delivered only while up, and only from the life of the peer that shook hands. 2. at most
//                max_queue_bytes wait to be sent. 3. on_peer_up and on_peer_down alternate.
// Owned by the mesh, on the loop.

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "peer/connection.h"
#include "peer/frame.h"
#include "peer/handshake.h"
#include "peer/mesh.h"

namespace quorate::peer {

/// What the links of one node share.
struct MeshContext {
  const MeshConfig config;
  env::Loop& loop;
  const env::Clock& clock;
  env::Entropy& entropy;
  env::Transport& transport;
  MetLives& met;
  MeshEvents& events;
  TraceSink& traces;
  std::vector<std::unique_ptr<Connection>> ended;  ///< destroyed by the mesh at the end of the turn

  /// Lays a connection aside that may be in the middle of its own event.
  void lay_aside(std::unique_ptr<Connection> connection);
  void clear_ended(std::uint64_t token);
};

class Link final : public ConnectionOwner {
 public:
  Link(MeshContext& context, Peer peer);
  ~Link() override;
  Link(const Link&) = delete;
  Link& operator=(const Link&) = delete;

  void start();
  /// Where the peer is from now on. A link that is up stays so.
  void set_address(std::string address) { peer_.address = std::move(address); }
  /// For good; the link is destroyed at the end of the turn at the earliest.
  void close();
  bool send(Channel channel, GroupId group, std::span<const Buffer> parts);

  /// What this node says to the peer.
  [[nodiscard]] Hello own_hello() const;
  /// A hello of the peer that judge_hello() accepted: is it newer than what this link knows?
  [[nodiscard]] std::optional<Refusal> judge_again(const Hello& hello) const;
  /// Takes over an accepted connection whose hello was accepted.
  void adopt(std::unique_ptr<Connection> connection, const Hello& hello);
  /// The peer's life is durable here: what waited for that goes on.
  void on_life_noted();
  /// Notes and reports once that this peer and we do not fit, until the text changes or the link comes up.
  void report_rejection(std::string_view text);

  [[nodiscard]] const Peer& peer() const { return peer_; }
  [[nodiscard]] bool is_up() const { return state_ == State::up; }
  [[nodiscard]] const LinkStatus& status() const { return status_; }

 private:
  enum class State : std::uint8_t { waiting, connecting, greeting, noting, answered, up, closed };

  void on_connected(Connection& connection) override;
  void on_heard(Connection& connection, std::size_t bytes) override;
  void on_frame(Connection& connection, Frame& frame) override;
  void on_lost(Connection& connection, const Loss& loss) override;

  [[nodiscard]] bool connects() const { return context_.config.self < peer_.node; }
  void connect(std::uint64_t token);
  void handle_greeting(const Frame& frame);
  void handle_refusal(const Frame& frame);
  /// Has the peer forgotten a life that was met?
  [[nodiscard]] std::optional<Refusal> judge_met(const Hello& hello) const;
  void handle_answered(Frame& frame);
  /// What has to be durable here first comes first.
  void meet(const Hello& hello);
  void handle_established(Frame& frame);
  void deliver(Frame& frame);
  void handle_heartbeat(const Frame& frame);
  void send_heartbeat(FrameType type, Instant now);
  void come_up();
  /// Gives the connection up; `patient`: waiting short makes no sense.
  void go_down(std::string why, bool patient);
  void damaged(std::string_view what);
  void schedule_connect(bool patient);
  void schedule_question();
  void arm(Instant deadline);
  void on_timer(std::uint64_t token);
  void request_flush();
  void flush(std::uint64_t token);
  void trace(std::string_view name, std::uint64_t b = 0) const;

  MeshContext& context_;
  Peer peer_;
  LinkStatus status_;
  State state_ = State::waiting;
  std::unique_ptr<Connection> connection_;
  FrameBatch batch_;  ///< of this turn
  bool flush_requested_ = false;

  Life peer_life_;                  ///< the newest life of the peer that shook hands with us
  std::uint64_t peer_attempt_ = 0;  ///< and the newest connection of that life
  bool accepted_ = false;           ///< this connection was made by the peer
  std::uint64_t attempt_ = 0;       ///< our own connections
  std::string reported_rejection_;

  env::TimerId timer_ = 0;
  Duration back_off_{};
  Instant up_since_;
  Instant last_heard_;
  Instant next_heartbeat_;
  std::uint64_t echo_ = 0;  ///< the peer's time stamp that our next heartbeat returns; 0: none
  Instant echo_since_;      ///< when it arrived
};

}  // namespace quorate::peer
