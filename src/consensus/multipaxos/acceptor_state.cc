#include "consensus/multipaxos/acceptor_state.h"

#include "codec/reader.h"
#include "codec/writer.h"

namespace quorate::multipaxos {
namespace {

constexpr std::uint8_t kVersion = 1;

}  // namespace

Buffer encode(const AcceptorState& state) {
  codec::Writer writer;
  writer.u8(kVersion);
  writer.varint(state.promised.value());
  writer.varint(state.proposer.value());
  writer.varint(state.votes.size());
  for (const TagRuns::Run& vote : state.votes) {
    writer.varint(vote.first.value());
    writer.varint(vote.last.value());
    writer.varint(vote.tag.value());
  }
  return writer.take_buffer();
}

std::optional<AcceptorState> decode_acceptor_state(ByteView bytes) {
  AcceptorState state;
  if (bytes.empty()) {
    return state;
  }
  codec::Reader reader(bytes);
  if (reader.u8() != kVersion) {
    return std::nullopt;
  }
  state.promised = Tag(reader.varint());
  state.proposer = NodeId(reader.varint());
  Position behind;
  for (std::uint64_t count = reader.varint(); count > 0 && reader.ok(); --count) {
    const Position first(reader.varint());
    const Position last(reader.varint());
    if (!reader.ok() || first <= behind || last < first) {
      return std::nullopt;
    }
    state.votes.push_back({first, last, Tag(reader.varint())});
    behind = last;
  }
  return reader.finished() ? std::optional(std::move(state)) : std::nullopt;
}

Buffer encode_decided(Position decided) {
  codec::Writer writer;
  writer.varint(decided.value());
  return writer.take_buffer();
}

std::optional<Position> decode_decided(ByteView bytes) {
  codec::Reader reader(bytes);
  const Position decided(reader.varint());
  return reader.finished() ? std::optional(decided) : std::nullopt;
}

}  // namespace quorate::multipaxos
