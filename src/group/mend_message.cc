#include "group/mend_message.h"

#include <cstdint>
#include <utility>

#include "base/match.h"
#include "codec/reader.h"
#include "codec/writer.h"

namespace quorate::group {
namespace {

enum class Kind : std::uint8_t { question = 1, answer = 2, needless = 3 };

void write_id(codec::Writer& writer, const EntryId& id) {
  writer.varint(id.position.value());
  writer.varint(id.tag.value());
}

/// EntryId() if it is none.
EntryId read_id(codec::Reader& reader) {
  const Position position(reader.varint());
  const Tag tag(reader.varint());
  return position.is_none() || tag.is_none() ? EntryId() : EntryId{position, tag};
}

std::optional<MendMessage> decode_question(codec::Reader& reader) {
  const std::uint64_t count = reader.varint();
  if (count == 0 || count > kMostAskedAtOnce) {
    return std::nullopt;
  }
  PayloadQuestion question;
  for (std::uint64_t i = 0; i < count; ++i) {
    question.entries.push_back(read_id(reader));
    if (question.entries.back() == EntryId()) {
      return std::nullopt;
    }
  }
  return reader.finished() ? std::optional<MendMessage>(std::move(question)) : std::nullopt;
}

}  // namespace

std::vector<Buffer> encode_mend_message(const MendMessage& message) {
  codec::Writer writer;
  std::vector<Buffer> parts;
  std::visit(Match{[&](const PayloadQuestion& one) {
                     writer.u8(static_cast<std::uint8_t>(Kind::question));
                     writer.varint(one.entries.size());
                     for (const EntryId& id : one.entries) {
                       write_id(writer, id);
                     }
                     parts.push_back(writer.take_buffer());
                   },
                   [&](const PayloadAnswer& one) {
                     writer.u8(static_cast<std::uint8_t>(Kind::answer));
                     write_id(writer, one.entry);
                     parts.push_back(writer.take_buffer());
                     parts.push_back(one.payload);
                   },
                   [&](const PayloadNeedless&) {
                     writer.u8(static_cast<std::uint8_t>(Kind::needless));
                     parts.push_back(writer.take_buffer());
                   }},
             message);
  return parts;
}

std::optional<MendMessage> decode_mend_message(const Buffer& bytes) {
  codec::Reader reader(bytes.view());
  switch (static_cast<Kind>(reader.u8())) {
    case Kind::question: return decode_question(reader);
    case Kind::answer: {
      const EntryId id = read_id(reader);
      const ByteView payload = reader.rest();
      return reader.ok() && id != EntryId() ? std::optional<MendMessage>(PayloadAnswer{id, bytes.slice_of(payload)})
                                            : std::nullopt;
    }
    case Kind::needless: return reader.finished() ? std::optional<MendMessage>(PayloadNeedless{}) : std::nullopt;
  }
  return std::nullopt;
}

}  // namespace quorate::group
