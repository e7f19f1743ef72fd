#include <compare>

#include "base/assert.h"
#include "base/plant.h"
#include "state/kv/store_impl.h"

namespace quorate::kv {
namespace {

using codec::CompareRequest;
using codec::RequestOp;

/// An unknown result holds always, as an unknown target compares equal: etcd's default branches.
bool holds(std::int32_t result, std::strong_ordering order) {
  switch (result) {
    case CompareRequest::equal: return order == 0;
    case CompareRequest::not_equal: return order != 0;
    case CompareRequest::greater: return order > 0;
    case CompareRequest::less: return order < 0;
    default: return true;
  }
}

}  // namespace

// ---- compare --------------------------------------------------------------------------------------------------

bool StoreImpl::compare_entry(const CompareRequest& request, const KeyEntry* entry) {
  const std::int64_t operand = request.operand_of == request.target ? request.operand : 0;
  switch (request.target) {
    case CompareRequest::version: return holds(request.result, (entry ? entry->version() : 0) <=> operand);
    case CompareRequest::create: return holds(request.result, (entry ? entry->create_revision() : 0) <=> operand);
    case CompareRequest::mod: return holds(request.result, (entry ? entry->latest().main : 0) <=> operand);
    case CompareRequest::lease: return holds(request.result, (entry ? entry->lease() : 0) <=> operand);
    case CompareRequest::value: break;
    default: return holds(request.result, std::strong_ordering::equal);
  }
  Buffer record;
  if (entry == nullptr || !read_value(entry->latest(), record)) {
    return false;  // a missing key has no value that could compare
  }
  const Result<RecordView> view = read_record(record.view());
  QUORATE_ASSERT(view.has_value(), "a record of the engine is readable", record.size());
  const ByteView wanted = request.operand_of == CompareRequest::value ? request.operand_value : ByteView();
  return holds(request.result, view->kv.value <=> wanted);
}

bool StoreImpl::compare(const CompareRequest& request) {
  const KeyRange range = key_range(request.key, request.range_end);
  if (range.single) {
    return compare_entry(request, find_live(request.key));
  }
  std::vector<KeyEntry*> keys;
  live_keys(range, keys);
  if (keys.empty()) {
    return compare_entry(request, nullptr);
  }
  bool result = true;
  for (const KeyEntry* entry : keys) {  // all of them, so that every value that is missing is fetched at once
    result = compare_entry(request, entry) && result;
    if (!result && reader_.complete()) {
      return false;
    }
  }
  return result;
}

bool StoreImpl::all_true(codec::TxnFields compares) {
  bool result = true;
  CompareRequest request;
  while (compares.next(request)) {
    result = compare(request) && result;
    if (!result && reader_.complete()) {
      return false;
    }
  }
  return result;
}

/// All compares, those of nested transactions too, look at the state before the whole transaction.
void StoreImpl::choose_path(const codec::TxnRequest& txn, std::vector<bool>& branches) {
  const bool succeeded = all_true(txn.compares());
  branches.push_back(succeeded);
  RequestOp op;
  for (codec::TxnFields ops = txn.branch(succeeded); ops.next(op);) {
    if (op.kind == RequestOp::Kind::txn) {
      choose_path(op.txn, branches);
    }
  }
}

// ---- check ----------------------------------------------------------------------------------------------------

Failure StoreImpl::check_path(const codec::TxnRequest& txn, TxnPath& path) const {
  RequestOp op;
  for (codec::TxnFields ops = txn.branch(path.take()); ops.next(op);) {
    Failure failure = Failure::none;
    switch (op.kind) {
      case RequestOp::Kind::range:
        if (op.range.revision > revision_) {
          failure = Failure::future_revision;
        } else if (op.range.revision != 0 && op.range.revision < compact_revision_) {
          failure = Failure::compacted;
        }
        break;
      case RequestOp::Kind::put:
        if (op.put.key.empty()) {
          failure = Failure::empty_key;
        } else if ((op.put.ignore_value || op.put.ignore_lease) && find_live(op.put.key) == nullptr) {
          failure = Failure::key_not_found;
        } else if (op.put.lease != 0 && !leases_.contains(op.put.lease)) {
          failure = Failure::lease_not_found;
        }
        break;
      case RequestOp::Kind::txn: failure = check_path(op.txn, path); break;
      case RequestOp::Kind::delete_range:
      case RequestOp::Kind::none: break;
    }
    if (failure != Failure::none) {
      return failure;
    }
  }
  return Failure::none;
}

// ---- plan: read what the operations will need, in the state before them -----------------------------------------

/// After d deletions before it, the first n keys that a range sees are among the first n + d of now, or were put by
/// this transaction (and are in memory). With an order of its own it may need any key of its range.
void StoreImpl::plan_range(const codec::RangeRequest& request, const PlanState& state) {
  codec::RangeRequest wider = request;
  if (state.changed && request.revision <= 0) {
    const bool plain =
        request.sort_order == codec::RangeRequest::none ||
        (request.sort_target == codec::RangeRequest::by_key && request.sort_order == codec::RangeRequest::ascend);
    const bool filtered = request.min_mod_revision != 0 || request.max_mod_revision != 0 ||
                          request.min_create_revision != 0 || request.max_create_revision != 0;
    wider.limit = plain && !filtered && request.limit > 0 && request.limit < INT64_MAX / 2
                      ? request.limit + 1 + static_cast<std::int64_t>(state.deleted)
                      : 0;
    wider.min_mod_revision = wider.max_mod_revision = wider.min_create_revision = wider.max_create_revision = 0;
    if (request.sort_target == codec::RangeRequest::by_value) {
      wider.keys_only = false;
    }
  }
  Selection selection;
  select(wider, selection);
  read_found(wider, selection.found);
}

void StoreImpl::plan_delete(const codec::DeleteRangeRequest& request, PlanState& state, bool wants_reply) {
  const KeyRange range = key_range(request.key, request.range_end);
  if (!request.prev_kv || !wants_reply) {
    state.deleted += static_cast<std::uint64_t>(count_at(range, visible_revision()));
    state.changed = true;
    return;
  }
  std::vector<KeyEntry*> keys;
  live_keys(range, keys);
  for (const KeyEntry* entry : keys) {
    Buffer ignored;
    (void)read_value(entry->latest(), ignored);
  }
  state.deleted += keys.size();
  state.changed = true;
}

void StoreImpl::plan_reads(const codec::TxnRequest& txn, TxnPath& path, PlanState& state, bool wants_reply) {
  RequestOp op;
  for (codec::TxnFields ops = txn.branch(path.take()); ops.next(op);) {
    switch (op.kind) {
      case RequestOp::Kind::range:
        if (wants_reply) {
          plan_range(op.range, state);
        }
        break;
      case RequestOp::Kind::put: {
        const KeyEntry* entry = find_live(op.put.key);
        Buffer ignored;
        if (entry != nullptr && (op.put.ignore_value || (op.put.prev_kv && wants_reply))) {
          (void)read_value(entry->latest(), ignored);
        }
        state.changed = true;
        break;
      }
      case RequestOp::Kind::delete_range: plan_delete(op.delete_range, state, wants_reply); break;
      case RequestOp::Kind::txn: plan_reads(op.txn, path, state, wants_reply); break;
      case RequestOp::Kind::none: break;
    }
  }
}

// ---- change ---------------------------------------------------------------------------------------------------

/// `previous`: the record of the key's present version, if the caller read it; else it is read if it is needed.
void StoreImpl::apply_put(const codec::PutRequest& request, bool wants_reply, Buffer& previous) {
  const KeyEntry* entry = nullptr;
  if (request.ignore_value || request.ignore_lease || request.prev_kv) {
    entry = find_live(request.key);
  }
  if (entry != nullptr && previous.empty() && (request.ignore_value || (request.prev_kv && wants_reply))) {
    const bool read = read_value(entry->latest(), previous);
    QUORATE_ASSERT(read, "the plan read the value that a put needs", request.key);
  }
  ByteView value = request.value;
  if (request.ignore_value && entry != nullptr) {
    const Result<RecordView> view = read_record(previous.view());
    QUORATE_ASSERT(view.has_value(), "a record of the engine is readable", previous.size());
    value = view->kv.value;
  }
  put(request.key, value, request.ignore_lease && entry != nullptr ? entry->lease() : request.lease);
}

std::int64_t StoreImpl::apply_delete(const codec::DeleteRangeRequest& request, bool wants_reply,
                                     std::vector<Buffer>& previous) {
  std::vector<KeyEntry*> keys;
  live_keys(key_range(request.key, request.range_end), keys);
  for (KeyEntry* entry : keys) {
    if (request.prev_kv && wants_reply) {
      const bool read = read_value(entry->latest(), previous.emplace_back());
      QUORATE_ASSERT(read, "the plan read the values that a deletion answers", entry->key());
    }
    erase(*entry);
  }
  return static_cast<std::int64_t>(keys.size());
}

void StoreImpl::apply_path(const codec::TxnRequest& txn, TxnPath& path, bool wants_reply,
                           codec::TxnReplyWriter& reply) {
  RequestOp op;
  for (codec::TxnFields ops = txn.branch(path.take()); ops.next(op);) {
    switch (op.kind) {
      case RequestOp::Kind::range: apply_range(op.range, wants_reply, reply); break;
      case RequestOp::Kind::put: {
        Buffer previous;
        apply_put(op.put, wants_reply, previous);
        if (wants_reply) {
          reply.add_put(op.put.prev_kv && !previous.empty() ? previous.view().substr(1) : ByteView(),
                        visible_revision());
        }
        break;
      }
      case RequestOp::Kind::delete_range: {
        std::vector<Buffer> previous;
        const std::int64_t deleted = apply_delete(op.delete_range, wants_reply, previous);
        std::vector<ByteView> kvs;
        for (const Buffer& value : previous) {
          kvs.push_back(value.view().substr(1));
        }
        if (wants_reply) {
          reply.add(codec::DeleteRangeFields{.deleted = deleted, .prev_kvs = kvs}, visible_revision());
        }
        break;
      }
      case RequestOp::Kind::txn: {
        codec::TxnReplyWriter nested;
        const bool succeeded = path.branches[path.at];
        apply_path(op.txn, path, wants_reply, nested);
        if (wants_reply) {
          reply.add_txn(nested, succeeded);
        }
        break;
      }
      case RequestOp::Kind::none:
        if (wants_reply) {
          reply.add_none();
        }
        break;
    }
  }
}

void StoreImpl::run_txn(Task& task) {
  codec::TxnRequest txn;
  if (!codec::read_request(task.command.request, txn)) {
    task.reply.failure = Failure::malformed;
    return;
  }
  TxnPath path;
  choose_path(txn, path.branches);
  if (!reader_.complete()) {
    return;  // a compare waits for its value
  }
  task.reply.failure = check_path(txn, path);
  if (task.reply.failure != Failure::none) {
    return;
  }
  path.at = 0;
  PlanState state;
  plan_reads(txn, path, state, task.wants_reply);
  if (!reader_.complete()) {
    return;
  }
  path.at = 0;
  codec::TxnReplyWriter reply;
  apply_path(txn, path, task.wants_reply, reply);
  bool succeeded = path.branches[0];
  if (QUORATE_PLANT(txn_compare_after_change)) {
    succeeded = all_true(txn.compares());
  }
  if (task.wants_reply) {
    task.reply.body = reply.finish(succeeded);
  }
}

state::Execution StoreImpl::read_txn(ByteView bytes, Reply& reply, Callback<> ready) {
  reply = Reply{.revision = revision_};
  Task task{.wants_reply = true};
  task.command.request = bytes;
  reader_.begin(true);
  run_txn(task);
  QUORATE_ASSERT(changes_ == 0, "a transaction of reads changes nothing", changes_);
  const state::Execution execution = reader_.finish(ready);
  reply.failure = task.reply.failure;
  reply.body = std::move(task.reply.body);
  return execution;
}

}  // namespace quorate::kv
