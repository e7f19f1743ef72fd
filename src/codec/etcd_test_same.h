#pragma once
// Whether a request means the same to our reader and to protobuf's: for the random test and for the fuzzer.

#include "codec/etcd_request.h"
#include "etcd/rpc.pb.h"

namespace quorate::codec::test {

namespace pb = etcdserverpb;

inline bool same(const RangeRequest& ours, const pb::RangeRequest& theirs) {
  return ours.key == theirs.key() && ours.range_end == theirs.range_end() && ours.limit == theirs.limit() &&
         ours.revision == theirs.revision() && ours.sort_order == static_cast<std::int32_t>(theirs.sort_order()) &&
         ours.sort_target == static_cast<std::int32_t>(theirs.sort_target()) &&
         ours.serializable == theirs.serializable() && ours.keys_only == theirs.keys_only() &&
         ours.count_only == theirs.count_only() && ours.min_mod_revision == theirs.min_mod_revision() &&
         ours.max_mod_revision == theirs.max_mod_revision() &&
         ours.min_create_revision == theirs.min_create_revision() &&
         ours.max_create_revision == theirs.max_create_revision();
}

inline bool same(const PutRequest& ours, const pb::PutRequest& theirs) {
  return ours.key == theirs.key() && ours.value == theirs.value() && ours.lease == theirs.lease() &&
         ours.prev_kv == theirs.prev_kv() && ours.ignore_value == theirs.ignore_value() &&
         ours.ignore_lease == theirs.ignore_lease();
}

inline bool same(const DeleteRangeRequest& ours, const pb::DeleteRangeRequest& theirs) {
  return ours.key == theirs.key() && ours.range_end == theirs.range_end() && ours.prev_kv == theirs.prev_kv();
}

inline bool same(const CompareRequest& ours, const pb::Compare& theirs) {
  if (ours.result != static_cast<std::int32_t>(theirs.result()) ||
      ours.target != static_cast<std::int32_t>(theirs.target()) || ours.key != theirs.key() ||
      ours.range_end != theirs.range_end()) {
    return false;
  }
  using C = CompareRequest;
  switch (theirs.target_union_case()) {
    case pb::Compare::kVersion: return ours.operand_of == C::version && ours.operand == theirs.version();
    case pb::Compare::kCreateRevision: return ours.operand_of == C::create && ours.operand == theirs.create_revision();
    case pb::Compare::kModRevision: return ours.operand_of == C::mod && ours.operand == theirs.mod_revision();
    case pb::Compare::kValue: return ours.operand_of == C::value && ours.operand_value == theirs.value();
    case pb::Compare::kLease: return ours.operand_of == C::lease && ours.operand == theirs.lease();
    case pb::Compare::TARGET_UNION_NOT_SET: break;
  }
  return ours.operand_of == -1;
}

inline bool same(const TxnRequest& ours, const pb::TxnRequest& theirs);

inline bool same(const RequestOp& ours, const pb::RequestOp& theirs) {
  if (static_cast<int>(ours.kind) != static_cast<int>(theirs.request_case())) {
    return false;
  }
  switch (ours.kind) {
    case RequestOp::Kind::range: return same(ours.range, theirs.request_range());
    case RequestOp::Kind::put: return same(ours.put, theirs.request_put());
    case RequestOp::Kind::delete_range: return same(ours.delete_range, theirs.request_delete_range());
    case RequestOp::Kind::txn: return same(ours.txn, theirs.request_txn());
    case RequestOp::Kind::none: break;
  }
  return true;
}

inline bool same(const TxnRequest& ours, const pb::TxnRequest& theirs) {
  if (ours.compare_count() != static_cast<std::size_t>(theirs.compare_size()) ||
      ours.success_count() != static_cast<std::size_t>(theirs.success_size()) ||
      ours.failure_count() != static_cast<std::size_t>(theirs.failure_size())) {
    return false;
  }
  TxnFields compares = ours.compares();
  CompareRequest compare;
  for (const pb::Compare& their_compare : theirs.compare()) {
    if (!compares.next(compare) || !same(compare, their_compare)) {
      return false;
    }
  }
  for (const bool branch : {true, false}) {
    TxnFields ops = ours.branch(branch);
    RequestOp op;
    for (const pb::RequestOp& their_op : branch ? theirs.success() : theirs.failure()) {
      if (!ops.next(op) || !same(op, their_op)) {
        return false;
      }
    }
    if (ops.next(op)) {
      return false;
    }
  }
  return true;
}

inline bool same(const CompactionRequest& ours, const pb::CompactionRequest& theirs) {
  return ours.revision == theirs.revision() && ours.physical == theirs.physical();
}

inline bool same(const LeaseGrantRequest& ours, const pb::LeaseGrantRequest& theirs) {
  return ours.ttl == theirs.ttl() && ours.id == theirs.id();
}

inline bool same(const LeaseRevokeRequest& ours, const pb::LeaseRevokeRequest& theirs) {
  return ours.id == theirs.id();
}

inline bool same(const AlarmRequest& ours, const pb::AlarmRequest& theirs) {
  return ours.action == static_cast<std::int32_t>(theirs.action()) && ours.member == theirs.memberid() &&
         ours.alarm == static_cast<std::int32_t>(theirs.alarm());
}

}  // namespace quorate::codec::test
