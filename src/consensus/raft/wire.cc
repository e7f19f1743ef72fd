#include "consensus/raft/wire.h"

#include <type_traits>

#include "consensus/contract/message_fields.h"

namespace quorate::raft {
namespace {

/// Both directions of one message's fields, in one place: `io` writes or reads each.
constexpr auto kFields = [](auto& io, auto& m) {
  using M = std::remove_cvref_t<decltype(m)>;
  io.number(m.term);
  if constexpr (std::is_same_v<M, PreVoteRequest>) {
    io.entry(m.last);
  } else if constexpr (std::is_same_v<M, PreVoteResponse>) {
    io.number(m.requested);
    io.flag(m.granted);
    io.flag(m.conditional);
  } else if constexpr (std::is_same_v<M, VoteRequest>) {
    io.entry(m.last);
    io.flag(m.by_transfer);
  } else if constexpr (std::is_same_v<M, VoteResponse>) {
    io.flag(m.granted);
    io.flag(m.conditional);
  } else if constexpr (std::is_same_v<M, Append>) {
    io.entry(m.previous);
    io.number(m.commit);
  } else if constexpr (std::is_same_v<M, AppendAccepted>) {
    io.number(m.match);
    io.rare_flag(m.uncounted);
  } else if constexpr (std::is_same_v<M, AppendRejected>) {
    io.number(m.rejected);
    io.entry(m.hint);
  } else if constexpr (std::is_same_v<M, Heartbeat>) {
    io.number(m.round);
    io.number(m.commit);
    io.number(m.everywhere);
    io.flag(m.regular);
  } else if constexpr (std::is_same_v<M, HeartbeatResponse>) {
    io.number(m.round);
    io.number(m.verified);
    io.flag(m.regular);
    io.rare_flag(m.uncounted);
  } else if constexpr (std::is_same_v<M, CommitNotice>) {
    io.number(m.commit);
  } else if constexpr (std::is_same_v<M, ReadRequest>) {
    io.any(m.life);
    io.number(m.number);
  } else if constexpr (std::is_same_v<M, ReadResponse>) {
    io.any(m.life);
    io.number(m.number);
    io.number(m.position);
    io.flag(m.served);
  } else {
    static_assert(std::is_same_v<M, TimeoutNow>);
  }
};

/// Only who was never in an election has no term, and can say so only in answer to a pre-vote.
bool may_lack_term(const Message& message) { return std::holds_alternative<PreVoteResponse>(message); }

}  // namespace

Buffer encode(const Message& message) { return consensus::encode_message(message, kFields); }

std::optional<Message> decode(ByteView bytes) {
  std::optional<Message> message = consensus::decode_message<Message>(bytes, kFields);
  if (message && !may_lack_term(*message) && std::visit([](const auto& m) { return m.term.is_none(); }, *message)) {
    return std::nullopt;
  }
  return message;
}

}  // namespace quorate::raft
