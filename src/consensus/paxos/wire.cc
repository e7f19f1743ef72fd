#include "consensus/paxos/wire.h"

#include <cstdint>
#include <type_traits>
#include <utility>

#include "codec/reader.h"
#include "codec/writer.h"
#include "consensus/contract/message_fields.h"

namespace quorate::paxos {
namespace {

class FieldWriter {
 public:
  explicit FieldWriter(std::uint8_t type) {
    writer_.u8(consensus::FieldWriter::kVersion);
    writer_.u8(type);
  }
  void ballot(const Ballot& ballot) {
    writer_.varint(ballot.round);
    writer_.varint(ballot.proposer.value());
    writer_.varint(ballot.life.value());
  }
  void any_ballot(const Ballot& one) { ballot(one); }
  void cell(ByteView name) { writer_.sized_bytes(name); }
  void any_cell(ByteView name) { writer_.sized_bytes(name); }
  void value(ByteView bytes) { writer_.sized_bytes(bytes); }
  void flag(bool value) { writer_.u8(value ? 1 : 0); }
  template <class Items, class Each>
  void list(const Items& items, Each each) {
    writer_.varint(items.size());
    for (const auto& item : items) {
      each(*this, item);
    }
  }
  [[nodiscard]] Buffer take() { return writer_.take_buffer(); }

 private:
  codec::Writer writer_;
};

class FieldReader {
 public:
  explicit FieldReader(ByteView bytes) : reader_(bytes) {}

  [[nodiscard]] std::uint8_t byte() { return reader_.u8(); }
  [[nodiscard]] bool finished() const { return reader_.finished(); }
  /// May be none, and then is none altogether.
  void any_ballot(Ballot& ballot) {
    ballot.round = reader_.varint();
    ballot.proposer = NodeId(reader_.varint());
    ballot.life = Incarnation(reader_.varint());
    require(ballot.round < Ballot::kMaxRound && (ballot.round != 0 || ballot == Ballot()));
  }
  void ballot(Ballot& one) {
    any_ballot(one);
    require(!one.is_none());
  }
  void any_cell(ByteView& name) {
    name = reader_.sized_bytes();
    require(name.size() <= kMaxCellBytes);
  }
  void cell(ByteView& name) {
    any_cell(name);
    require(!name.empty());
  }
  void value(ByteView& bytes) {
    bytes = reader_.sized_bytes();
    require(bytes.size() <= kMaxValueBytes);
  }
  void flag(bool& value) {
    const std::uint8_t raw = reader_.u8();
    require(raw <= 1);
    value = raw == 1;
  }
  template <class Items, class Each>
  void list(Items& items, Each each) {
    for (std::uint64_t left = reader_.varint(); left > 0 && reader_.ok(); --left) {
      each(*this, items.emplace_back());
    }
  }

 private:
  void require(bool holds) {
    if (!holds) {
      reader_.set_failed();
    }
  }
  codec::Reader reader_;
};

/// Both directions of one message's fields, in one place: `io` writes or reads each.
constexpr auto kFields = [](auto& io, auto& m) {
  using M = std::remove_cvref_t<decltype(m)>;
  if constexpr (std::is_same_v<M, Survey>) {
    io.ballot(m.ballot);
    io.any_cell(m.after);
  } else if constexpr (std::is_same_v<M, SurveyAnswer>) {
    io.ballot(m.ballot);
    io.any_cell(m.after);
    io.flag(m.conditional);
    io.flag(m.last);
    io.list(m.cells, [](auto& inner, auto& told) {
      inner.cell(told.cell);
      inner.any_ballot(told.accepted);
      inner.value(told.value);
      inner.flag(told.decided);
    });
  } else if constexpr (std::is_same_v<M, Refused>) {
    io.any_cell(m.cell);
    io.ballot(m.ballot);
    io.ballot(m.promised);
  } else if constexpr (std::is_same_v<M, Decided>) {
    io.cell(m.cell);
    io.value(m.value);
  } else {
    io.cell(m.cell);
    io.ballot(m.ballot);
    if constexpr (std::is_same_v<M, Promise>) {
      io.any_ballot(m.accepted);
      io.value(m.value);
    } else if constexpr (std::is_same_v<M, Accept>) {
      io.value(m.value);
    }
  }
};

}  // namespace

Buffer encode(const Message& message) {
  FieldWriter writer(static_cast<std::uint8_t>(message.index() + 1));
  std::visit([&](const auto& one) { kFields(writer, one); }, message);
  return writer.take();
}

std::optional<Message> decode(ByteView bytes) {
  return consensus::decode_message<Message, FieldReader>(bytes, kFields);
}

}  // namespace quorate::paxos
