#include "sim/requests.h"

#include <optional>

#include "codec/reader.h"
#include "codec/writer.h"

namespace quorate::sim {
namespace {

constexpr std::uint64_t kVarint = 0;
constexpr std::uint64_t kBytes = 2;

void number_field(codec::Writer& out, std::uint64_t field, std::int64_t value) {
  if (value != 0) {
    out.varint(field << 3 | kVarint);
    out.varint(static_cast<std::uint64_t>(value));
  }
}

void bytes_field(codec::Writer& out, std::uint64_t field, std::string_view bytes) {
  if (!bytes.empty()) {
    out.varint(field << 3 | kBytes);
    out.sized_bytes(bytes);
  }
}

void message_field(codec::Writer& out, std::uint64_t field, std::string_view message) {
  out.varint(field << 3 | kBytes);
  out.sized_bytes(message);
}

/// One field of a message, as protobuf lays it out.
struct Field {
  std::uint64_t number = 0;
  std::uint64_t value = 0;  ///< varint fields
  std::string_view bytes;   ///< length-delimited fields
};

/// Takes the next field; nothing at the end. A malformed message clears `well_formed`.
std::optional<Field> next_field(codec::Reader& in, bool& well_formed) {
  if (in.at_end() || !in.ok()) {
    well_formed = well_formed && in.ok();
    return std::nullopt;
  }
  const std::uint64_t key = in.varint();
  Field field{key >> 3, 0, {}};
  if ((key & 7) == kVarint) {
    field.value = in.varint();
  } else if ((key & 7) == kBytes) {
    field.bytes = in.sized_bytes();
  } else {
    in.set_failed();
  }
  if (!in.ok()) {
    well_formed = false;
    return std::nullopt;
  }
  return field;
}

KeyValue read_key_value(std::string_view message, bool& well_formed) {
  KeyValue kv;
  codec::Reader in(message);
  while (const auto field = next_field(in, well_formed)) {
    switch (field->number) {
      case 1: kv.key = field->bytes; break;
      case 2: kv.create_revision = static_cast<std::int64_t>(field->value); break;
      case 3: kv.mod_revision = static_cast<std::int64_t>(field->value); break;
      case 4: kv.version = static_cast<std::int64_t>(field->value); break;
      case 5: kv.value = field->bytes; break;
      case 6: kv.lease = static_cast<std::int64_t>(field->value); break;
      default: well_formed = false;
    }
  }
  return kv;
}

}  // namespace

Buffer put_request(std::string_view key, std::string_view value, std::int64_t lease) {
  codec::Writer out;
  bytes_field(out, 1, key);
  bytes_field(out, 2, value);
  number_field(out, 3, lease);
  return out.take_buffer();
}

Buffer range_request(std::string_view key, std::string_view end, std::int64_t revision, bool serializable) {
  codec::Writer out;
  bytes_field(out, 1, key);
  bytes_field(out, 2, end);
  number_field(out, 4, revision);
  number_field(out, 7, serializable ? 1 : 0);
  return out.take_buffer();
}

Buffer delete_request(std::string_view key, std::string_view end, bool with_previous) {
  codec::Writer out;
  bytes_field(out, 1, key);
  bytes_field(out, 2, end);
  number_field(out, 3, with_previous ? 1 : 0);
  return out.take_buffer();
}

Buffer compare_and_put_request(std::string_view key, std::int64_t expected, std::string_view value,
                               std::string_view other) {
  codec::Writer compare;
  number_field(compare, 2, 2);  // target MOD; result EQUAL is the default
  bytes_field(compare, 3, key);
  compare.varint(6 << 3 | kVarint);  // mod_revision, present even if zero
  compare.varint(static_cast<std::uint64_t>(expected));
  const auto put_op = [&](std::string_view to) {
    codec::Writer op;
    message_field(op, 2, put_request(to, value).view());
    return op.take();
  };
  codec::Writer get_op;
  message_field(get_op, 1, range_request(key, {}, 0, false).view());
  codec::Writer txn;
  message_field(txn, 1, compare.view());
  message_field(txn, 2, put_op(key));
  if (!other.empty()) {
    message_field(txn, 2, put_op(other));
  }
  message_field(txn, 3, get_op.view());
  return txn.take_buffer();
}

Buffer compact_request(std::int64_t revision) {
  codec::Writer out;
  number_field(out, 1, revision);
  return out.take_buffer();
}

Buffer lease_grant_request(std::int64_t id, std::int64_t ttl_seconds) {
  codec::Writer out;
  number_field(out, 1, ttl_seconds);
  number_field(out, 2, id);
  return out.take_buffer();
}

Buffer lease_id_request(std::int64_t id) {
  codec::Writer out;
  number_field(out, 1, id);
  return out.take_buffer();
}

AnswerFields read_range_answer(std::string_view body) {
  AnswerFields answer;
  codec::Reader in(body);
  while (const auto field = next_field(in, answer.well_formed)) {
    if (field->number == 2) {
      answer.kvs.push_back(read_key_value(field->bytes, answer.well_formed));
    } else if (field->number == 4) {
      answer.count = static_cast<std::int64_t>(field->value);
    }
  }
  return answer;
}

AnswerFields read_delete_answer(std::string_view body) {
  AnswerFields answer;
  codec::Reader in(body);
  while (const auto field = next_field(in, answer.well_formed)) {
    if (field->number == 2) {
      answer.deleted = static_cast<std::int64_t>(field->value);
    } else if (field->number == 3) {
      answer.kvs.push_back(read_key_value(field->bytes, answer.well_formed));
    }
  }
  return answer;
}

AnswerFields read_txn_answer(std::string_view body) {
  AnswerFields answer;
  codec::Reader in(body);
  while (const auto field = next_field(in, answer.well_formed)) {
    if (field->number == 2) {
      answer.succeeded = field->value != 0;
    } else if (field->number == 3) {
      codec::Reader op(field->bytes);
      while (const auto response = next_field(op, answer.well_formed)) {
        if (response->number == 1) {
          const AnswerFields range = read_range_answer(response->bytes);
          answer.well_formed = answer.well_formed && range.well_formed;
          answer.kvs.insert(answer.kvs.end(), range.kvs.begin(), range.kvs.end());
        }
      }
    }
  }
  return answer;
}

AnswerFields read_lease_answer(std::string_view body) {
  AnswerFields answer;
  codec::Reader in(body);
  while (const auto field = next_field(in, answer.well_formed)) {
    if (field->number == 2) {
      answer.id = static_cast<std::int64_t>(field->value);
    } else if (field->number == 3) {
      answer.ttl = static_cast<std::int64_t>(field->value);
    }
  }
  return answer;
}

}  // namespace quorate::sim
