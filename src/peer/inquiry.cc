#include "peer/inquiry.h"

#include <algorithm>
#include <utility>

#include "peer/handshake.h"

namespace quorate::peer {

Inquiry::Inquiry(env::Loop& loop, const env::Clock& clock, env::Transport& transport, std::function<void()> done)
    : loop_(loop), clock_(clock), transport_(transport), done_(std::move(done)) {}

Inquiry::~Inquiry() { loop_.cancel(timer_); }

void Inquiry::ask(std::vector<std::string> addresses, Duration patience) {
  timer_ = loop_.arm(clock_.now() + patience, Callback<>::to<&Inquiry::on_timer>(this));
  for (std::string& address : addresses) {
    pending_.push_back({std::move(address), std::make_unique<Connection>(static_cast<ConnectionOwner&>(*this))});
    pending_.back().connection->allow_messages(kMaxAnswerBytes);
  }
  for (std::size_t i = 0; i < pending_.size(); ++i) {
    pending_[i].connection->connect(transport_, pending_[i].address);
  }
}

void Inquiry::on_connected(Connection& connection) {
  // Whoever asks has no life in the cluster yet; any number but 0 will do.
  connection.send(FrameType::question, Incarnation(1), encode_question());
}

void Inquiry::on_frame(Connection& connection, Frame& frame) {
  if (frame.type == FrameType::members) {
    end(connection, std::move(frame.body));
  } else {
    end(connection, fail(ErrorCode::invalid, "does not tell who the members are"));
  }
}

void Inquiry::on_lost(Connection& connection, const Loss& loss) {
  const bool refused = loss.reason == env::CloseReason::refused && !loss.by_damage;
  end(connection, fail(ErrorCode::io, refused               ? std::string("refused")
                                      : loss.detail.empty() ? std::string("closed the connection")
                                                            : std::string(loss.detail)));
}

void Inquiry::end(const Connection& connection, Result<Buffer> answer) {
  const auto found =
      std::ranges::find_if(pending_, [&](const Pending& one) { return one.connection.get() == &connection; });
  if (found == pending_.end()) {
    return;
  }
  found->connection->close();
  ended_.push_back(std::move(found->connection));
  outcomes_.push_back({std::move(found->address), std::move(answer)});
  pending_.erase(found);
  if (pending_.empty()) {
    loop_.cancel(std::exchange(timer_, 0));
    done_();
  }
}

void Inquiry::on_timer(std::uint64_t) {
  timer_ = 0;
  while (!pending_.empty()) {
    end(*pending_.front().connection, fail(ErrorCode::io, "timed out"));
  }
}

}  // namespace quorate::peer
