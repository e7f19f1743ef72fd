#include "codec/etcd_request.h"

namespace quorate::codec {
namespace {

bool merge(ByteView bytes, RangeRequest& out) {
  FieldReader field(bytes);
  while (field.next()) {
    if (field.type() == WireType::bytes) {
      switch (field.number()) {
        case 1: out.key = field.bytes(); break;
        case 2: out.range_end = field.bytes(); break;
        default: break;
      }
    } else if (field.type() == WireType::varint) {
      switch (field.number()) {
        case 3: out.limit = field.int64(); break;
        case 4: out.revision = field.int64(); break;
        case 5: out.sort_order = field.int32(); break;
        case 6: out.sort_target = field.int32(); break;
        case 7: out.serializable = field.boolean(); break;
        case 8: out.keys_only = field.boolean(); break;
        case 9: out.count_only = field.boolean(); break;
        case 10: out.min_mod_revision = field.int64(); break;
        case 11: out.max_mod_revision = field.int64(); break;
        case 12: out.min_create_revision = field.int64(); break;
        case 13: out.max_create_revision = field.int64(); break;
        default: break;
      }
    }
  }
  return field.ok();
}

bool merge(ByteView bytes, PutRequest& out) {
  FieldReader field(bytes);
  while (field.next()) {
    if (field.is_bytes(1)) {
      out.key = field.bytes();
    } else if (field.is_bytes(2)) {
      out.value = field.bytes();
    } else if (field.is_varint(3)) {
      out.lease = field.int64();
    } else if (field.is_varint(4)) {
      out.prev_kv = field.boolean();
    } else if (field.is_varint(5)) {
      out.ignore_value = field.boolean();
    } else if (field.is_varint(6)) {
      out.ignore_lease = field.boolean();
    }
  }
  return field.ok();
}

bool merge(ByteView bytes, DeleteRangeRequest& out) {
  FieldReader field(bytes);
  while (field.next()) {
    if (field.is_bytes(1)) {
      out.key = field.bytes();
    } else if (field.is_bytes(2)) {
      out.range_end = field.bytes();
    } else if (field.is_varint(3)) {
      out.prev_kv = field.boolean();
    }
  }
  return field.ok();
}

bool merge(ByteView bytes, CompareRequest& out) {
  constexpr std::int32_t kTargetOf[] = {CompareRequest::version, CompareRequest::create, CompareRequest::mod,
                                        CompareRequest::value, CompareRequest::lease};
  FieldReader field(bytes);
  while (field.next()) {
    const std::uint32_t number = field.number();
    if (field.type() == WireType::varint) {
      if (number == 1) {
        out.result = field.int32();
      } else if (number == 2) {
        out.target = field.int32();
      } else if (number == 4 || number == 5 || number == 6 || number == 8) {
        out.operand_of = kTargetOf[number - 4];
        out.operand = field.int64();
      }
    } else if (field.type() == WireType::bytes) {
      if (number == 3) {
        out.key = field.bytes();
      } else if (number == 7) {
        out.operand_of = CompareRequest::value;
        out.operand_value = field.bytes();
      } else if (number == 64) {
        out.range_end = field.bytes();
      }
    }
  }
  return field.ok();
}

/// Walks a whole transaction, however deep, and tells whether protobuf would accept it.
bool check_txn(ByteView bytes, int depth);

bool check_op(ByteView bytes, int depth) {
  if (depth > kMaxMessageDepth) {
    return false;
  }
  FieldReader field(bytes);
  while (field.next()) {
    bool good = true;
    if (field.is_bytes(1)) {
      RangeRequest ignored;
      good = merge(field.bytes(), ignored);
    } else if (field.is_bytes(2)) {
      PutRequest ignored;
      good = merge(field.bytes(), ignored);
    } else if (field.is_bytes(3)) {
      DeleteRangeRequest ignored;
      good = merge(field.bytes(), ignored);
    } else if (field.is_bytes(4)) {
      good = check_txn(field.bytes(), depth + 1);
    }
    if (!good) {
      return false;
    }
  }
  return field.ok();
}

bool check_txn(ByteView bytes, int depth) {
  if (depth > kMaxMessageDepth) {
    return false;
  }
  FieldReader field(bytes);
  while (field.next()) {
    bool good = true;
    if (field.is_bytes(1)) {
      CompareRequest ignored;
      good = merge(field.bytes(), ignored);
    } else if (field.is_bytes(2) || field.is_bytes(3)) {
      good = check_op(field.bytes(), depth + 1);
    }
    if (!good) {
      return false;
    }
  }
  return field.ok();
}

}  // namespace

TxnFields::TxnFields(ByteView source, std::uint32_t member, std::size_t offset, std::uint32_t wanted)
    : outer_(source, offset),
      inner_(member == 0 ? FieldReader(source) : FieldReader()),
      member_(member),
      wanted_(wanted) {}

bool TxnFields::next_bytes(ByteView& element) {
  while (true) {
    while (inner_.next()) {
      if (inner_.is_bytes(wanted_)) {
        element = inner_.bytes();
        return true;
      }
    }
    if (member_ == 0) {
      return false;
    }
    bool found = false;
    while (!found && outer_.next()) {
      found = outer_.is_bytes(member_);
    }
    if (!found) {
      return false;
    }
    inner_ = FieldReader(outer_.bytes());
  }
}

bool TxnFields::next(CompareRequest& out) {
  ByteView element;
  if (!next_bytes(element)) {
    return false;
  }
  out = CompareRequest{};
  return merge(element, out);
}

bool TxnFields::next(RequestOp& out) {
  ByteView element;
  if (!next_bytes(element)) {
    return false;
  }
  out = RequestOp{};
  FieldReader field(element);
  while (field.next()) {
    if (field.type() != WireType::bytes || field.number() > 4) {
      continue;
    }
    const auto kind = static_cast<RequestOp::Kind>(field.number());
    if (kind != out.kind) {
      out = RequestOp{};
      out.kind = kind;
      out.txn = TxnRequest(element, 4, field.field_offset());
    }
    switch (kind) {
      case RequestOp::Kind::range: (void)merge(field.bytes(), out.range); break;
      case RequestOp::Kind::put: (void)merge(field.bytes(), out.put); break;
      case RequestOp::Kind::delete_range: (void)merge(field.bytes(), out.delete_range); break;
      case RequestOp::Kind::txn:
      case RequestOp::Kind::none: break;
    }
  }
  return true;
}

std::size_t TxnRequest::count(std::uint32_t wanted) const {
  std::size_t total = 0;
  FieldReader outer(source_, offset_);
  FieldReader inner(member_ == 0 ? source_ : ByteView());
  while (true) {
    while (inner.next()) {
      total += inner.is_bytes(wanted) ? 1 : 0;
    }
    bool found = false;
    while (member_ != 0 && !found && outer.next()) {
      found = outer.is_bytes(member_);
    }
    if (!found) {
      return total;
    }
    inner = FieldReader(outer.bytes());
  }
}

bool read_request(ByteView bytes, RangeRequest& out) {
  out = RangeRequest{};
  return merge(bytes, out);
}

bool read_request(ByteView bytes, PutRequest& out) {
  out = PutRequest{};
  return merge(bytes, out);
}

bool read_request(ByteView bytes, DeleteRangeRequest& out) {
  out = DeleteRangeRequest{};
  return merge(bytes, out);
}

bool read_request(ByteView bytes, TxnRequest& out) {
  out = TxnRequest(bytes, 0, 0);
  return check_txn(bytes, 0);
}

bool read_request(ByteView bytes, CompactionRequest& out) {
  out = CompactionRequest{};
  FieldReader field(bytes);
  while (field.next()) {
    if (field.is_varint(1)) {
      out.revision = field.int64();
    } else if (field.is_varint(2)) {
      out.physical = field.boolean();
    }
  }
  return field.ok();
}

bool read_request(ByteView bytes, LeaseGrantRequest& out) {
  out = LeaseGrantRequest{};
  FieldReader field(bytes);
  while (field.next()) {
    if (field.is_varint(1)) {
      out.ttl = field.int64();
    } else if (field.is_varint(2)) {
      out.id = field.int64();
    }
  }
  return field.ok();
}

bool read_request(ByteView bytes, LeaseRevokeRequest& out) {
  out = LeaseRevokeRequest{};
  FieldReader field(bytes);
  while (field.next()) {
    if (field.is_varint(1)) {
      out.id = field.int64();
    }
  }
  return field.ok();
}

bool read_request(ByteView bytes, AlarmRequest& out) {
  out = AlarmRequest{};
  FieldReader field(bytes);
  while (field.next()) {
    if (field.is_varint(1)) {
      out.action = field.int32();
    } else if (field.is_varint(2)) {
      out.member = field.value();
    } else if (field.is_varint(3)) {
      out.alarm = field.int32();
    }
  }
  return field.ok();
}

}  // namespace quorate::codec
