#include "consensus/raft/hard_state.h"

#include "codec/reader.h"
#include "codec/writer.h"

namespace quorate::raft {
namespace {

constexpr std::uint8_t kVersion = 1;

}  // namespace

Buffer encode(const HardState& state) {
  codec::Writer writer;
  writer.u8(kVersion);
  writer.varint(state.term.value());
  writer.varint(state.vote.value());
  return writer.take_buffer();
}

std::optional<HardState> decode_hard_state(ByteView bytes) {
  if (bytes.empty()) {
    return HardState{};
  }
  codec::Reader reader(bytes);
  const std::uint8_t version = reader.u8();
  const Tag term(reader.varint());
  const NodeId vote(reader.varint());
  if (version != kVersion || !reader.finished()) {
    return std::nullopt;
  }
  return HardState{term, vote};
}

}  // namespace quorate::raft
