// The encoding half of etcd_request.h: proto3's rules, zero fields left out, fields in rising order.
#include "codec/etcd_request.h"
#include "codec/writer.h"

namespace quorate::codec {
namespace {

class MessageWriter {
 public:
  MessageWriter& bytes(std::uint32_t number, ByteView value) {
    if (!value.empty()) {
      out_.varint(number << 3 | 2U);
      out_.sized_bytes(value);
    }
    return *this;
  }
  /// Negative numbers take ten bytes, as protobuf writes int32 and int64.
  MessageWriter& number(std::uint32_t number, std::int64_t value) {
    if (value != 0) {
      out_.varint(number << 3);
      out_.varint(static_cast<std::uint64_t>(value));
    }
    return *this;
  }
  [[nodiscard]] Buffer take() { return out_.take_buffer(); }

 private:
  Writer out_;
};

}  // namespace

Buffer encode_request(const RangeRequest& request) {
  return MessageWriter()
      .bytes(1, request.key)
      .bytes(2, request.range_end)
      .number(3, request.limit)
      .number(4, request.revision)
      .number(5, request.sort_order)
      .number(6, request.sort_target)
      .number(7, request.serializable ? 1 : 0)
      .number(8, request.keys_only ? 1 : 0)
      .number(9, request.count_only ? 1 : 0)
      .number(10, request.min_mod_revision)
      .number(11, request.max_mod_revision)
      .number(12, request.min_create_revision)
      .number(13, request.max_create_revision)
      .take();
}

Buffer encode_request(const PutRequest& request) {
  return MessageWriter()
      .bytes(1, request.key)
      .bytes(2, request.value)
      .number(3, request.lease)
      .number(4, request.prev_kv ? 1 : 0)
      .number(5, request.ignore_value ? 1 : 0)
      .number(6, request.ignore_lease ? 1 : 0)
      .take();
}

Buffer encode_request(const DeleteRangeRequest& request) {
  return MessageWriter().bytes(1, request.key).bytes(2, request.range_end).number(3, request.prev_kv ? 1 : 0).take();
}

Buffer encode_request(const CompactionRequest& request) {
  return MessageWriter().number(1, request.revision).number(2, request.physical ? 1 : 0).take();
}

Buffer encode_request(const LeaseGrantRequest& request) {
  return MessageWriter().number(1, request.ttl).number(2, request.id).take();
}

Buffer encode_request(const LeaseRevokeRequest& request) { return MessageWriter().number(1, request.id).take(); }

Buffer encode_request(const AlarmRequest& request) {
  return MessageWriter()
      .number(1, request.action)
      .number(2, static_cast<std::int64_t>(request.member))
      .number(3, request.alarm)
      .take();
}

}  // namespace quorate::codec
