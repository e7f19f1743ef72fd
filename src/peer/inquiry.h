#pragma once
// Asks nodes at given addresses who the members of their cluster are: for a node that wants to join and is none yet.
//
// Invariants: 1. every address has exactly one outcome: an answer, or why there is none. 2. an answer is at most
//                kMaxAnswerBytes. Wire format: docs/formats/peer.md.
// Owned by whoever asks, on its loop.

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "env/clock.h"
#include "env/loop.h"
#include "env/transport.h"
#include "peer/connection.h"

namespace quorate::peer {

class Inquiry final : private ConnectionOwner {
 public:
  static constexpr std::size_t kMaxAnswerBytes = 1U << 20;

  struct Outcome {
    std::string address;
    Result<Buffer> answer;  ///< Mesh's describe_members(), or why there is none
  };

  Inquiry(env::Loop& loop, const env::Clock& clock, env::Transport& transport, std::function<void()> done);
  ~Inquiry() override;
  Inquiry(const Inquiry&) = delete;
  Inquiry& operator=(const Inquiry&) = delete;

  /// Once. `done` is called when every address has its outcome, at the latest after `patience`.
  void ask(std::vector<std::string> addresses, Duration patience);
  [[nodiscard]] const std::vector<Outcome>& outcomes() const { return outcomes_; }

 private:
  struct Pending {
    std::string address;
    std::unique_ptr<Connection> connection;
  };

  void on_connected(Connection& connection) override;
  void on_heard(Connection& /*connection*/, std::size_t /*bytes*/) override {}
  void on_frame(Connection& connection, Frame& frame) override;
  void on_lost(Connection& connection, const Loss& loss) override;
  void end(const Connection& connection, Result<Buffer> answer);
  void on_timer(std::uint64_t);

  env::Loop& loop_;
  const env::Clock& clock_;
  env::Transport& transport_;
  std::function<void()> done_;
  std::vector<Pending> pending_;
  std::vector<std::unique_ptr<Connection>> ended_;
  std::vector<Outcome> outcomes_;
  env::TimerId timer_ = 0;
};

}  // namespace quorate::peer
