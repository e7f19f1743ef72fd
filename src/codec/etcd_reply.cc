#include "codec/etcd_reply.h"

#include "codec/proto_fields.h"
#include "codec/varint.h"

namespace quorate::codec {
namespace {

constexpr std::uint64_t u64(std::int64_t value) { return static_cast<std::uint64_t>(value); }

// Every field number here is below 16, so that a tag is one byte.
constexpr std::size_t number_size(std::int64_t value) { return value == 0 ? 0 : 1 + varint_size(u64(value)); }
constexpr std::size_t message_size(std::size_t size) { return 1 + varint_size(size) + size; }
constexpr std::size_t bytes_size(std::size_t size) { return size == 0 ? 0 : message_size(size); }

char* put_varint(char* to, std::uint64_t value) {
  while (value >= 0x80) {
    *to++ = static_cast<char>(static_cast<unsigned char>(value | 0x80));
    value >>= 7;
  }
  *to++ = static_cast<char>(value);
  return to;
}

char* put_number(char* to, std::uint32_t field, std::int64_t value) {
  if (value == 0) {
    return to;
  }
  *to++ = static_cast<char>(field << 3);
  return put_varint(to, u64(value));
}

char* put_head(char* to, std::uint32_t field, std::size_t size) {
  *to++ = static_cast<char>(field << 3 | 2U);
  return put_varint(to, size);
}

/// A message field: written even if it is empty, because its presence means something.
char* put_message(char* to, std::uint32_t field, ByteView bytes) {
  to = put_head(to, field, bytes.size());
  if (!bytes.empty()) {
    std::memcpy(to, bytes.data(), bytes.size());
  }
  return to + bytes.size();
}

char* put_bytes(char* to, std::uint32_t field, ByteView bytes) {
  return bytes.empty() ? to : put_message(to, field, bytes);
}

std::size_t fields_size(const RangeFields& fields) {
  std::size_t size = (fields.more ? 2 : 0) + number_size(fields.count);
  for (ByteView kv : fields.kvs) {
    size += message_size(kv.size());
  }
  return size;
}

char* put_fields(char* to, const RangeFields& fields) {
  for (ByteView kv : fields.kvs) {
    to = put_message(to, 2, kv);
  }
  to = put_number(to, 3, fields.more ? 1 : 0);
  return put_number(to, 4, fields.count);
}

std::size_t fields_size(const DeleteRangeFields& fields) {
  std::size_t size = number_size(fields.deleted);
  for (ByteView kv : fields.prev_kvs) {
    size += message_size(kv.size());
  }
  return size;
}

char* put_fields(char* to, const DeleteRangeFields& fields) {
  to = put_number(to, 2, fields.deleted);
  for (ByteView kv : fields.prev_kvs) {
    to = put_message(to, 3, kv);
  }
  return to;
}

/// One block of exactly `size` bytes, filled by `write`.
template <class Write>
Buffer make_block(std::size_t size, Write write) {
  if (size == 0) {
    return {};
  }
  std::shared_ptr<char[]> block = std::make_shared_for_overwrite<char[]>(size);
  write(block.get());
  const ByteView view(block.get(), size);
  return Buffer::share(std::move(block), view);
}

}  // namespace

std::size_t key_value_size(const KeyValue& kv) {
  return bytes_size(kv.key.size()) + number_size(kv.create_revision) + number_size(kv.mod_revision) +
         number_size(kv.version) + bytes_size(kv.value.size()) + number_size(kv.lease);
}

char* write_key_value(char* to, const KeyValue& kv) {
  to = put_bytes(to, 1, kv.key);
  to = put_number(to, 2, kv.create_revision);
  to = put_number(to, 3, kv.mod_revision);
  to = put_number(to, 4, kv.version);
  to = put_bytes(to, 5, kv.value);
  return put_number(to, 6, kv.lease);
}

bool read_key_value(ByteView bytes, KeyValue& out) {
  out = KeyValue{};
  FieldReader field(bytes);
  while (field.next()) {
    if (field.is_bytes(1)) {
      out.key = field.bytes();
    } else if (field.is_varint(2)) {
      out.create_revision = field.int64();
    } else if (field.is_varint(3)) {
      out.mod_revision = field.int64();
    } else if (field.is_varint(4)) {
      out.version = field.int64();
    } else if (field.is_bytes(5)) {
      out.value = field.bytes();
    } else if (field.is_varint(6)) {
      out.lease = field.int64();
    }
  }
  return field.ok();
}

Buffer encode_reply(const RangeFields& fields) {
  return make_block(fields_size(fields), [&fields](char* to) { put_fields(to, fields); });
}

Buffer encode_reply(const DeleteRangeFields& fields) {
  return make_block(fields_size(fields), [&fields](char* to) { put_fields(to, fields); });
}

Buffer encode_put_reply(ByteView prev_kv) {
  return make_block(bytes_size(prev_kv.size()), [prev_kv](char* to) { put_bytes(to, 2, prev_kv); });
}

Buffer encode_lease_grant_reply(std::int64_t id, std::int64_t ttl) {
  return make_block(number_size(id) + number_size(ttl),
                    [id, ttl](char* to) { put_number(put_number(to, 2, id), 3, ttl); });
}

Buffer encode_hash_kv_reply(std::uint32_t hash, std::int64_t compact_revision, std::int64_t hash_revision) {
  return make_block(number_size(hash) + number_size(compact_revision) + number_size(hash_revision), [=](char* to) {
    put_number(put_number(put_number(to, 2, hash), 3, compact_revision), 4, hash_revision);
  });
}

Buffer encode_alarm_reply(std::span<const AlarmMember> alarms) {
  const auto body_size = [](const AlarmMember& alarm) {
    return number_size(static_cast<std::int64_t>(alarm.member)) + number_size(alarm.alarm);
  };
  std::size_t size = 0;
  for (const AlarmMember& alarm : alarms) {
    size += message_size(body_size(alarm));
  }
  return make_block(size, [&](char* to) {
    for (const AlarmMember& alarm : alarms) {
      to = put_head(to, 2, body_size(alarm));
      to = put_number(put_number(to, 1, static_cast<std::int64_t>(alarm.member)), 2, alarm.alarm);
    }
  });
}

template <class Write>
void TxnReplyWriter::add_response(std::uint32_t member, std::int64_t revision, std::size_t size, Write write) {
  const std::size_t header = number_size(revision);
  const std::size_t response = message_size(header) + size;
  const std::size_t op = message_size(response);
  const std::size_t start = responses_.size();
  responses_.resize(start + message_size(op));
  char* to = put_head(responses_.data() + start, 3, op);
  to = put_head(to, member, response);
  to = put_head(to, 1, header);
  to = put_number(to, 3, revision);
  write(to);
}

void TxnReplyWriter::add(const RangeFields& fields, std::int64_t revision) {
  add_response(1, revision, fields_size(fields), [&fields](char* to) { put_fields(to, fields); });
}

void TxnReplyWriter::add(const DeleteRangeFields& fields, std::int64_t revision) {
  add_response(3, revision, fields_size(fields), [&fields](char* to) { put_fields(to, fields); });
}

void TxnReplyWriter::add_put(ByteView prev_kv, std::int64_t revision) {
  add_response(2, revision, bytes_size(prev_kv.size()), [prev_kv](char* to) { put_bytes(to, 2, prev_kv); });
}

void TxnReplyWriter::add_txn(const TxnReplyWriter& nested, bool succeeded) {
  add_response(4, 0, (succeeded ? 2 : 0) + nested.responses_.size(), [&nested, succeeded](char* to) {
    to = put_number(to, 2, succeeded ? 1 : 0);
    if (!nested.responses_.empty()) {
      std::memcpy(to, nested.responses_.data(), nested.responses_.size());
    }
  });
}

void TxnReplyWriter::add_none() { responses_.append("\x1A\0", 2); }

Buffer TxnReplyWriter::finish(bool succeeded) const {
  return make_block((succeeded ? 2 : 0) + responses_.size(), [this, succeeded](char* to) {
    to = put_number(to, 2, succeeded ? 1 : 0);
    if (!responses_.empty()) {
      std::memcpy(to, responses_.data(), responses_.size());
    }
  });
}

}  // namespace quorate::codec
