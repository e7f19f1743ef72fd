#include "group/message.h"

#include "base/assert.h"
#include "codec/reader.h"
#include "codec/varint.h"

namespace quorate::group {
namespace {

using consensus::Entry;
using consensus::EntryKind;
using storage::LogEntry;

constexpr std::size_t kMinEntryBytes = 2;  // kind and size of an empty payload
constexpr std::uint8_t kLastKind = static_cast<std::uint8_t>(EntryKind::configuration);

void append_tag_runs(std::span<const LogEntry> entries, std::string& out) {
  for (std::size_t first = 0; first < entries.size();) {
    std::size_t behind = first + 1;
    while (behind < entries.size() && entries[behind].id.tag == entries[first].id.tag) {
      ++behind;
    }
    codec::append_varint(out, behind - first);
    codec::append_varint(out, entries[first].id.tag.value());
    first = behind;
  }
}

/// Reads the runs of tags and gives each entry its id.
bool read_ids(codec::Reader& reader, std::uint64_t count, GroupMessage& out) {
  const std::uint64_t first = reader.varint();
  if (!reader.ok() || first == 0 || first + count < first) {
    return false;
  }
  while (out.entries.size() < count) {
    const std::uint64_t run = reader.varint();
    const Tag tag(reader.varint());
    if (!reader.ok() || tag.is_none() || run == 0 || run > count - out.entries.size()) {
      return false;
    }
    for (std::uint64_t i = 0; i < run; ++i) {
      out.entries.push_back(Entry{.id = {Position(first + out.entries.size()), tag}});
    }
  }
  return true;
}

/// Reads kinds and sizes; the payloads are exactly what is behind them.
bool read_payloads(codec::Reader& reader, const Buffer& message, GroupMessage& out) {
  codec::Reader sizes = reader;
  std::uint64_t total = 0;
  for (Entry& entry : out.entries) {
    const std::uint8_t kind = reader.u8();
    const std::uint64_t size = reader.varint();
    if (!reader.ok() || kind > kLastKind || size > message.size()) {
      return false;
    }
    entry.kind = static_cast<EntryKind>(kind);
    total += size;
    if (total > message.size()) {
      return false;  // at once, so that the sum never runs over
    }
  }
  for (Entry& entry : out.entries) {
    (void)sizes.u8();
    entry.payload = message.slice_of(reader.bytes(sizes.varint()));
  }
  return reader.finished();
}

}  // namespace

void encode_message(ByteView core_bytes, std::span<const LogEntry> entries, std::string& scratch,
                    std::vector<Buffer>& parts) {
  scratch.clear();
  codec::append_varint(scratch, core_bytes.size());
  scratch.append(core_bytes);
  codec::append_varint(scratch, entries.size());
  if (!entries.empty()) {
    codec::append_varint(scratch, entries.front().id.position.value());
    append_tag_runs(entries, scratch);
    for (std::size_t i = 0; i < entries.size(); ++i) {
      QUORATE_ASSERT(entries[i].id.position.value() == entries.front().id.position.value() + i,
                     "attached entries are dense", entries.front().id.position, i, entries[i].id.position);
      scratch.push_back(static_cast<char>(entries[i].kind));
      codec::append_varint(scratch, entries[i].payload.size());
    }
  }
  parts.push_back(Buffer::copy_of(scratch));
  for (const LogEntry& entry : entries) {
    if (!entry.payload.empty()) {
      parts.push_back(entry.payload);
    }
  }
}

bool decode_message(const Buffer& message, GroupMessage& out) {
  out.entries.clear();
  codec::Reader reader(message.view());
  out.core_bytes = reader.sized_bytes();
  const std::uint64_t count = reader.varint();
  if (!reader.ok()) {
    return false;
  }
  if (count == 0) {
    return reader.finished();
  }
  if (count > reader.remaining() / kMinEntryBytes) {
    return false;  // before anything is reserved for them
  }
  out.entries.reserve(static_cast<std::size_t>(count));
  return read_ids(reader, count, out) && read_payloads(reader, message, out);
}

}  // namespace quorate::group
