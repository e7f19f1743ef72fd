#include "consensus/paxos/cell.h"

#include "codec/reader.h"
#include "codec/writer.h"

namespace quorate::paxos {
namespace {

constexpr std::uint8_t kVersion = 1;
constexpr std::uint8_t kDecidedFlag = 1;

void write(codec::Writer& writer, const Ballot& ballot) {
  writer.varint(ballot.round);
  writer.varint(ballot.proposer.value());
  writer.varint(ballot.life.value());
}

Ballot read(codec::Reader& reader) {
  Ballot ballot;
  ballot.round = reader.varint();
  ballot.proposer = NodeId(reader.varint());
  ballot.life = Incarnation(reader.varint());
  if (ballot.round == 0 ? ballot != Ballot() : ballot.round > Ballot::kMaxRound) {
    reader.set_failed();
  }
  return ballot;
}

}  // namespace

Buffer encode(const AcceptorCell& cell) {
  codec::Writer writer;
  writer.reserve(2 + 6 * codec::kMaxVarintBytes + cell.value.size());
  writer.u8(kVersion);
  writer.u8(cell.decided ? kDecidedFlag : 0);
  write(writer, cell.promised);
  write(writer, cell.accepted);
  writer.bytes(cell.value.view());
  return writer.take_buffer();
}

std::optional<AcceptorCell> decode_cell(const Buffer& blob) {
  codec::Reader reader(blob.view());
  if (reader.u8() != kVersion) {
    return std::nullopt;
  }
  const std::uint8_t flags = reader.u8();
  AcceptorCell cell;
  cell.promised = read(reader);
  cell.accepted = read(reader);
  cell.decided = flags == kDecidedFlag;
  const ByteView value = reader.rest();
  if (!reader.finished() || flags > kDecidedFlag || (!value.empty() && !cell.decided && cell.accepted.is_none())) {
    return std::nullopt;
  }
  if (!value.empty()) {
    cell.value = blob.slice_of(value);
  }
  return cell;
}

Buffer encode_floor(const Ballot& floor) {
  codec::Writer writer;
  writer.u8(kVersion);
  write(writer, floor);
  return writer.take_buffer();
}

std::optional<Ballot> decode_floor(ByteView blob) {
  if (blob.empty()) {
    return Ballot();
  }
  codec::Reader reader(blob);
  if (reader.u8() != kVersion) {
    return std::nullopt;
  }
  const Ballot floor = read(reader);
  return reader.finished() ? std::optional(floor) : std::nullopt;
}

}  // namespace quorate::paxos
