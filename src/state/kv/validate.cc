#include "state/kv/validate.h"

#include <algorithm>
#include <compare>
#include <map>
#include <set>

#include "codec/etcd_request.h"

namespace quorate::kv {
namespace {

using codec::RequestOp;

Failure check(const codec::RangeRequest& request) {
  if (request.key.empty()) {
    return Failure::empty_key;
  }
  if (request.sort_order < codec::RangeRequest::none || request.sort_order > codec::RangeRequest::descend ||
      request.sort_target < codec::RangeRequest::by_key || request.sort_target > codec::RangeRequest::by_value) {
    return Failure::invalid_sort_option;
  }
  return Failure::none;
}

Failure check(const codec::PutRequest& request) {
  if (request.key.empty()) {
    return Failure::empty_key;
  }
  if (request.ignore_value && !request.value.empty()) {
    return Failure::value_provided;
  }
  if (request.ignore_lease && request.lease != 0) {
    return Failure::lease_provided;
  }
  return Failure::none;
}

Failure check(const codec::DeleteRangeRequest& request) {
  return request.key.empty() ? Failure::empty_key : Failure::none;
}

Failure check(const codec::TxnRequest& txn, std::size_t max_ops);

Failure check(const RequestOp& op, std::size_t max_ops) {
  switch (op.kind) {
    case RequestOp::Kind::range: return check(op.range);
    case RequestOp::Kind::put: return check(op.put);
    case RequestOp::Kind::delete_range: return check(op.delete_range);
    case RequestOp::Kind::txn: return check(op.txn, max_ops);
    case RequestOp::Kind::none: break;
  }
  return Failure::key_not_found;
}

/// Counts first, then keys of compares, then the operations; a nested transaction gets the operations left over.
Failure check(const codec::TxnRequest& txn, std::size_t max_ops) {
  const std::size_t ops = std::max({txn.compare_count(), txn.success_count(), txn.failure_count()});
  if (ops > max_ops) {
    return Failure::too_many_ops;
  }
  codec::CompareRequest compare;
  for (codec::TxnFields compares = txn.compares(); compares.next(compare);) {
    if (compare.key.empty()) {
      return Failure::empty_key;
    }
  }
  for (const bool branch : {true, false}) {
    RequestOp op;
    for (codec::TxnFields list = txn.branch(branch); list.next(op);) {
      if (const Failure failure = check(op, max_ops - ops); failure != Failure::none) {
        return failure;
      }
    }
  }
  return Failure::none;
}

/// Deleted keys as intervals that do not overlap, so that a hostile transaction costs no more than n log n.
class Intervals {
 public:
  /// [from, end); `end` empty: the one key. An interval that ends before it begins holds nothing.
  void add(ByteView from, ByteView end) {
    if (end.empty()) {
      insert({from, true}, from);
    } else if (from < end) {
      insert({end, false}, from);
    }
  }
  void add(const Intervals& other) {
    for (const auto& [from, to] : other.to_) {
      insert(to, from);
    }
  }
  [[nodiscard]] bool contains(ByteView key) const {
    const auto behind = to_.upper_bound(key);
    return behind != to_.begin() && std::prev(behind)->second.holds(key);
  }

 private:
  struct End {
    ByteView key;
    bool inclusive = false;
    [[nodiscard]] bool holds(ByteView other) const { return other < key || (inclusive && other == key); }
    friend auto operator<=>(const End&, const End&) = default;
  };

  void insert(End to, ByteView from) {
    auto at = to_.upper_bound(from);
    if (at != to_.begin() && std::prev(at)->second.holds(from)) {
      --at;
      from = at->first;
    }
    while (at != to_.end() && (at->first < to.key || (to.inclusive && at->first == to.key) || at->first == from)) {
      to = std::max(to, at->second);
      at = to_.erase(at);
    }
    to_.emplace(from, to);
  }

  std::map<ByteView, End> to_;  ///< where the interval that begins at the key ends
};

/// The keys that a list of operations puts and deletes.
struct Touched {
  std::set<ByteView> puts;
  Intervals deletes;
};

[[nodiscard]] bool touch(codec::TxnFields list, Touched& out);

/// Adds what a nested transaction may do. Both its branches may put one key, as only one of them runs.
bool touch_nested(const codec::TxnRequest& txn, Touched& out) {
  Touched then_part;
  Touched else_part;
  if (!touch(txn.success(), then_part) || !touch(txn.failure(), else_part)) {
    return false;
  }
  for (ByteView key : then_part.puts) {
    if (out.deletes.contains(key) || !out.puts.insert(key).second) {
      return false;
    }
  }
  for (ByteView key : else_part.puts) {
    if (out.deletes.contains(key) || (!out.puts.insert(key).second && !then_part.puts.contains(key))) {
      return false;
    }
  }
  out.deletes.add(then_part.deletes);
  out.deletes.add(else_part.deletes);
  return true;
}

/// False if a key is put twice, or put and deleted, in etcd's order of looking: this level's deletes, nested
/// transactions one after the other, this level's puts. (So a nested delete after a nested put passes, and a delete
/// with range_end "\0" never conflicts: it is compared as the interval up to the key "\0".)
bool touch(codec::TxnFields list, Touched& out) {
  RequestOp op;
  for (codec::TxnFields ops = list; ops.next(op);) {
    if (op.kind == RequestOp::Kind::delete_range) {
      out.deletes.add(op.delete_range.key, op.delete_range.range_end);
    }
  }
  for (codec::TxnFields ops = list; ops.next(op);) {
    if (op.kind == RequestOp::Kind::txn && !touch_nested(op.txn, out)) {
      return false;
    }
  }
  for (codec::TxnFields ops = list; ops.next(op);) {
    if (op.kind == RequestOp::Kind::put && (out.deletes.contains(op.put.key) || !out.puts.insert(op.put.key).second)) {
      return false;
    }
  }
  return true;
}

template <class Request>
Failure validate(ByteView bytes) {
  Request request;
  return codec::read_request(bytes, request) ? check(request) : Failure::malformed;
}

std::uint64_t put_cost(const codec::PutRequest& request) { return 256 + request.key.size() + request.value.size(); }

std::uint64_t txn_cost(const codec::TxnRequest& txn) {
  std::uint64_t costs[2] = {0, 0};
  for (const bool branch : {true, false}) {
    RequestOp op;
    for (codec::TxnFields list = txn.branch(branch); list.next(op);) {
      if (op.kind == RequestOp::Kind::put) {
        costs[branch ? 1 : 0] += put_cost(op.put);
      } else if (op.kind == RequestOp::Kind::txn) {
        costs[branch ? 1 : 0] += txn_cost(op.txn);
      }
    }
  }
  return std::max(costs[0], costs[1]);
}

}  // namespace

Failure validate_range(ByteView request) { return validate<codec::RangeRequest>(request); }
Failure validate_put(ByteView request) { return validate<codec::PutRequest>(request); }
Failure validate_delete_range(ByteView request) { return validate<codec::DeleteRangeRequest>(request); }

Failure validate_txn(ByteView request, std::uint32_t max_ops) {
  codec::TxnRequest txn;
  if (!codec::read_request(request, txn)) {
    return Failure::malformed;
  }
  if (const Failure failure = check(txn, max_ops); failure != Failure::none) {
    return failure;
  }
  for (const bool branch : {true, false}) {
    Touched touched;
    if (!touch(txn.branch(branch), touched)) {
      return Failure::duplicate_key;
    }
  }
  return Failure::none;
}

bool is_serializable_range(ByteView request) {
  codec::RangeRequest range;
  return codec::read_request(request, range) && range.serializable;
}

TxnClass classify_txn(ByteView request) {
  codec::TxnRequest txn;
  if (!codec::read_request(request, txn)) {
    return TxnClass::write;
  }
  TxnClass result = TxnClass::serializable_read;
  for (const bool branch : {true, false}) {
    RequestOp op;
    for (codec::TxnFields list = txn.branch(branch); list.next(op);) {
      if (op.kind != RequestOp::Kind::range) {
        return TxnClass::write;
      }
      if (!op.range.serializable) {
        result = TxnClass::linearizable_read;
      }
    }
  }
  return result;
}

std::uint64_t quota_cost(CommandKind kind, ByteView request) {
  if (kind == CommandKind::put) {
    codec::PutRequest put;
    return codec::read_request(request, put) ? put_cost(put) : 0;
  }
  if (kind == CommandKind::txn) {
    codec::TxnRequest txn;
    return codec::read_request(request, txn) ? txn_cost(txn) : 0;
  }
  return kind == CommandKind::lease_grant ? 64 : 0;
}

bool may_grow(CommandKind kind, ByteView request) { return quota_cost(kind, request) > 0; }

}  // namespace quorate::kv
