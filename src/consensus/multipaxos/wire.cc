#include "consensus/multipaxos/wire.h"

#include <type_traits>

#include "consensus/contract/message_fields.h"

namespace quorate::multipaxos {
namespace {

/// Both directions of one message's fields, in one place: `io` writes or reads each.
constexpr auto kFields = [](auto& io, auto& m) {
  using M = std::remove_cvref_t<decltype(m)>;
  io.number(m.ballot);
  if constexpr (std::is_same_v<M, Inquiry> || std::is_same_v<M, Decide>) {
    io.number(m.decided);
  } else if constexpr (std::is_same_v<M, InquiryAnswer>) {
    io.number(m.asked);
    io.flag(m.granted);
    io.flag(m.conditional);
  } else if constexpr (std::is_same_v<M, Prepare>) {
    io.number(m.first);
    io.flag(m.by_transfer);
  } else if constexpr (std::is_same_v<M, Promise>) {
    io.number(m.first);
    io.number(m.decided);
    io.number(m.last);
    io.flag(m.conditional);
  } else if constexpr (std::is_same_v<M, PromisedRun>) {
    io.number(m.after);
    io.number(m.tag);
    io.number(m.accepted);
  } else if constexpr (std::is_same_v<M, Refused>) {
    io.number(m.asked);
  } else if constexpr (std::is_same_v<M, Accept>) {
    io.number(m.tag);
    io.number(m.decided);
  } else if constexpr (std::is_same_v<M, Accepted>) {
    io.number(m.first);
    io.number(m.last);
  } else if constexpr (std::is_same_v<M, Learned>) {
    io.number(m.first);
    io.number(m.last);
    io.number(m.until);
  } else if constexpr (std::is_same_v<M, LearnRequest> || std::is_same_v<M, Confirmed>) {
    io.number(m.first);
    io.number(m.last);
    io.number(m.tag);
  } else if constexpr (std::is_same_v<M, Heartbeat>) {
    io.number(m.round);
    io.number(m.decided);
    io.number(m.own_from);
    io.number(m.everywhere);
    io.flag(m.regular);
  } else if constexpr (std::is_same_v<M, HeartbeatAnswer>) {
    io.number(m.round);
    io.number(m.decided);
    io.number(m.noted);
    io.flag(m.regular);
  } else if constexpr (std::is_same_v<M, Noted>) {
    io.number(m.noted);
  } else if constexpr (std::is_same_v<M, ReadRequest>) {
    io.any(m.life);
    io.number(m.number);
  } else if constexpr (std::is_same_v<M, ReadAnswer>) {
    io.any(m.life);
    io.number(m.number);
    io.number(m.position);
    io.flag(m.served);
  } else {
    static_assert(std::is_same_v<M, CampaignNow>);
  }
};

/// Only who has never promised anything has no ballot, and can say so only in answer to an inquiry.
bool may_lack_ballot(const Message& message) { return std::holds_alternative<InquiryAnswer>(message); }

}  // namespace

Buffer encode(const Message& message) { return consensus::encode_message(message, kFields); }

std::optional<Message> decode(ByteView bytes) {
  std::optional<Message> message = consensus::decode_message<Message>(bytes, kFields);
  if (message && !may_lack_ballot(*message) && std::visit([](const auto& m) { return m.ballot.is_none(); }, *message)) {
    return std::nullopt;
  }
  return message;
}

}  // namespace quorate::multipaxos
