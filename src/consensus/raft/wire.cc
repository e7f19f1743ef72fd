#include "consensus/raft/wire.h"

#include <array>
#include <utility>

#include "base/assert.h"
#include "codec/reader.h"

namespace quorate::raft {
namespace {

constexpr std::uint8_t kVersion = 1;
constexpr std::size_t kMaxBytes = 2 + 5 * codec::kMaxVarintBytes + 2;

/// Both directions of one message's fields, in one place: `Io` writes or reads each.
template <class Io>
void fields(Io& io, auto& m) {
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
}

/// Writes into memory of its own on the stack: one allocation a message, for the buffer that leaves.
class FieldWriter {
 public:
  FieldWriter(std::uint8_t type) {
    byte(kVersion);
    byte(type);
  }
  void number(std::uint64_t value) {
    while (value >= 0x80) {
      byte(static_cast<std::uint8_t>(value | 0x80));
      value >>= 7;
    }
    byte(static_cast<std::uint8_t>(value));
  }
  template <class Kind>
  void number(StrongId<Kind> id) {
    number(id.value());
  }
  template <class Kind>
  void any(StrongId<Kind> id) {
    number(id.value());
  }
  void entry(const EntryId& id) {
    number(id.position);
    number(id.tag);
  }
  void flag(bool value) { byte(value ? 1 : 0); }
  void rare_flag(bool value) {
    if (value) {
      byte(1);
    }
  }
  [[nodiscard]] ByteView view() const { return {bytes_.data(), size_}; }

 private:
  void byte(std::uint8_t value) { bytes_[size_++] = static_cast<char>(value); }

  std::array<char, kMaxBytes> bytes_;
  std::size_t size_ = 0;
};

class FieldReader {
 public:
  explicit FieldReader(ByteView bytes) : reader_(bytes) {}

  [[nodiscard]] std::uint8_t byte() { return reader_.u8(); }
  void number(std::uint64_t& value) {
    value = reader_.varint();
    if (value > kLargestNumber) {
      reader_.set_failed();
    }
  }
  template <class Kind>
  void number(StrongId<Kind>& id) {
    std::uint64_t value = 0;
    number(value);
    id = StrongId<Kind>(value);
  }
  template <class Kind>
  void any(StrongId<Kind>& id) {
    id = StrongId<Kind>(reader_.varint());
  }
  void entry(EntryId& id) {
    number(id.position);
    number(id.tag);
  }
  void flag(bool& value) {
    const std::uint8_t raw = reader_.u8();
    if (raw > 1) {
      reader_.set_failed();
    }
    value = raw == 1;
  }
  void rare_flag(bool& value) {
    value = !reader_.finished();
    if (value && reader_.u8() != 1) {
      reader_.set_failed();
    }
  }
  [[nodiscard]] bool finished() const { return reader_.finished(); }

 private:
  codec::Reader reader_;
};

template <std::size_t Index = 0>
std::optional<Message> decode_type(std::uint8_t type, FieldReader& reader) {
  if constexpr (Index < std::variant_size_v<Message>) {
    if (type != Index + 1) {
      return decode_type<Index + 1>(type, reader);
    }
    std::variant_alternative_t<Index, Message> message;
    fields(reader, message);
    // Only who was never in an election has no term, and can say so only in answer to a pre-vote.
    constexpr bool kMayLackTerm = std::is_same_v<std::variant_alternative_t<Index, Message>, PreVoteResponse>;
    if (!reader.finished() || (message.term.is_none() && !kMayLackTerm)) {
      return std::nullopt;
    }
    return message;
  } else {
    return std::nullopt;
  }
}

}  // namespace

Buffer encode(const Message& message) {
  FieldWriter writer(static_cast<std::uint8_t>(message.index() + 1));
  std::visit([&writer](const auto& m) { fields(writer, m); }, message);
  return Buffer::copy_of(writer.view());
}

std::optional<Message> decode(ByteView bytes) {
  FieldReader reader(bytes);
  if (reader.byte() != kVersion) {
    return std::nullopt;
  }
  return decode_type(reader.byte(), reader);
}

}  // namespace quorate::raft
