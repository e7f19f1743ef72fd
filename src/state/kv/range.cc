#include <algorithm>

#include "base/assert.h"
#include "state/kv/store_impl.h"

namespace quorate::kv {
namespace {

using codec::RangeRequest;

bool has_filters(const RangeRequest& request) {
  return request.min_mod_revision != 0 || request.max_mod_revision != 0 || request.min_create_revision != 0 ||
         request.max_create_revision != 0;
}

/// Without an order the limit counts in key order, whatever the target: etcd's quirk.
bool is_plain_order(const RangeRequest& request) {
  return request.sort_order == RangeRequest::none ||
         (request.sort_target == RangeRequest::by_key && request.sort_order == RangeRequest::ascend);
}

bool passes(const RangeRequest& request, const VersionInfo& info) {
  return (request.max_mod_revision == 0 || info.at.main <= request.max_mod_revision) &&
         (request.min_mod_revision == 0 || info.at.main >= request.min_mod_revision) &&
         (request.max_create_revision == 0 || info.create_revision <= request.max_create_revision) &&
         (request.min_create_revision == 0 || info.create_revision >= request.min_create_revision);
}

std::int64_t sort_value(std::int32_t target, const VersionInfo& info) {
  switch (target) {
    case RangeRequest::by_version: return info.version;
    case RangeRequest::by_create: return info.create_revision;
    default: return info.at.main;
  }
}

ByteView value_of(const Buffer& record) {
  const Result<RecordView> view = read_record(record.view());
  QUORATE_ASSERT(view.has_value(), "a record of the engine is readable", record.size());
  return view->kv.value;
}

}  // namespace

std::int64_t StoreImpl::count_at(const KeyRange& range, std::int64_t revision) const {
  VersionInfo info;
  if (range.single) {
    const KeyEntry* entry = index_.find(range.from);
    return entry != nullptr && entry->find_at(revision, info) ? 1 : 0;
  }
  if (!range.open && range.to <= range.from) {
    return 0;
  }
  if (revision == visible_revision()) {
    const std::uint64_t end = range.open ? index_.live_count() : index_.rank(range.to);
    return static_cast<std::int64_t>(end - index_.rank(range.from));
  }
  std::int64_t count = 0;
  for (KeyIndex::Cursor at = index_.lower_bound(range.from); at.valid() && range.contains(at.entry().key());
       at.next()) {
    count += at.entry().find_at(revision, info) ? 1 : 0;
  }
  return count;
}

void StoreImpl::gather(const KeyRange& range, std::int64_t revision, std::size_t limit, std::vector<Found>& out) const {
  VersionInfo info;
  const bool newest = revision == visible_revision();
  KeyIndex::Cursor at = index_.lower_bound(range.from);
  while (out.size() < limit) {
    if (newest) {
      at.skip_dead();
    }
    if (!at.valid() || !range.contains(at.entry().key())) {
      return;
    }
    if (at.entry().find_at(revision, info)) {
      out.push_back({&at.entry(), info, {}});
    }
    at.next();
  }
}

/// The last `limit` live keys of the range, descending, found by counting.
void StoreImpl::gather_last(const KeyRange& range, std::size_t limit, std::vector<Found>& out) const {
  const std::uint64_t end = range.open ? index_.live_count() : index_.rank(range.to);
  const std::uint64_t begin = std::max(index_.rank(range.from), end > limit ? end - limit : 0);
  KeyIndex::Cursor at = index_.select_live(begin);
  for (std::uint64_t i = begin; i < end; ++i) {
    at.skip_dead();
    out.push_back({&at.entry(), at.entry().latest_info(), {}});
    at.next();
  }
  std::ranges::reverse(out);
}

void StoreImpl::read_found(const RangeRequest& request, std::vector<Found>& found) {
  if (request.keys_only) {
    return;
  }
  for (Found& one : found) {
    if (one.record.empty()) {
      (void)read_value(one.info.at, one.record);
    }
  }
}

void StoreImpl::sort_by_value(Selection& selection, bool descend) {
  for (Found& one : selection.found) {
    (void)read_value(one.info.at, one.record);
  }
  if (!reader_.complete()) {
    return;
  }
  std::ranges::stable_sort(selection.found, [descend](const Found& a, const Found& b) {
    return descend ? value_of(b.record) < value_of(a.record) : value_of(a.record) < value_of(b.record);
  });
}

/// One key has no order and no limit: the common read looks it up once.
void StoreImpl::select_one(const RangeRequest& request, std::int64_t revision, Selection& out) const {
  KeyEntry* entry = index_.find(request.key);
  VersionInfo info;
  if (entry == nullptr || !entry->find_at(revision, info)) {
    return;
  }
  out.count = 1;
  if (!request.count_only && passes(request, info)) {
    out.found.push_back({entry, info, {}});
  }
}

void StoreImpl::select(const RangeRequest& request, Selection& out) {
  const std::int64_t now = visible_revision();
  const std::int64_t revision = request.revision <= 0 ? now : request.revision;
  if (revision > now || revision < compact_revision_) {
    out.failure = revision > now ? Failure::future_revision : Failure::compacted;
    return;
  }
  const KeyRange range = key_range(request.key, request.range_end);
  if (range.single) {
    select_one(request, revision, out);
    return;
  }
  out.count = count_at(range, revision);
  if (request.count_only || out.count == 0) {
    return;
  }
  const bool plain = is_plain_order(request) && !has_filters(request);
  const std::size_t limit = request.limit > 0 ? static_cast<std::size_t>(request.limit) : out.found.max_size();
  const bool descend = request.sort_order == RangeRequest::descend;
  if (request.sort_target == RangeRequest::by_key && descend && !has_filters(request) && revision == now) {
    gather_last(range, limit, out.found);
    out.more = static_cast<std::uint64_t>(out.count) > limit;
  } else {
    gather(range, revision, plain && request.limit > 0 ? limit + 1 : out.found.max_size(), out.found);
    std::erase_if(out.found, [&request](const Found& one) { return !passes(request, one.info); });
    if (request.sort_target == RangeRequest::by_value) {
      sort_by_value(out, descend);
    } else if (request.sort_target == RangeRequest::by_key) {
      if (descend) {
        std::ranges::reverse(out.found);
      }
    } else {
      const auto by = [target = request.sort_target](const Found& one) { return sort_value(target, one.info); };
      descend ? std::ranges::stable_sort(out.found, std::ranges::greater{}, by)
              : std::ranges::stable_sort(out.found, std::ranges::less{}, by);
    }
    if (out.found.size() > limit) {
      out.found.resize(limit);
      out.more = true;
    }
  }
}

template <class Use>
void StoreImpl::with_fields(const RangeRequest& request, const Selection& selection, Use use) {
  std::vector<ByteView>& kvs = views_;
  kvs.clear();
  if (request.keys_only) {
    // From the index alone, as etcd 3.7 does: the lease is not filled in.
    std::size_t total = 0;
    const auto pair = [](const Found& one) {
      return codec::KeyValue{.key = one.entry->key(),
                             .create_revision = one.info.create_revision,
                             .mod_revision = one.info.at.main,
                             .version = one.info.version};
    };
    for (const Found& one : selection.found) {
      total += codec::key_value_size(pair(one));
    }
    scratch_.resize(total);
    char* to = scratch_.data();
    for (const Found& one : selection.found) {
      char* const end = codec::write_key_value(to, pair(one));
      kvs.emplace_back(to, static_cast<std::size_t>(end - to));
      to = end;
    }
  } else {
    for (const Found& one : selection.found) {
      kvs.push_back(one.record.view().substr(1));
    }
  }
  use(codec::RangeFields{.kvs = kvs, .more = selection.more, .count = selection.count});
}

state::Execution StoreImpl::range(ByteView bytes, Reply& reply, Callback<> ready) {
  reply = Reply{.revision = revision_};
  RangeRequest request;
  if (!codec::read_request(bytes, request)) {
    reply.failure = Failure::malformed;
    return state::Execution::done;
  }
  reader_.begin();
  Selection selection;
  select(request, selection);
  reply.failure = selection.failure;
  if (selection.failure == Failure::none) {
    read_found(request, selection.found);
    if (reader_.complete()) {
      with_fields(request, selection,
                  [&reply](const codec::RangeFields& fields) { reply.body = codec::encode_reply(fields); });
    }
  }
  return reader_.finish(ready);
}

void StoreImpl::apply_range(const RangeRequest& request, bool wants_reply, codec::TxnReplyWriter& reply) {
  if (!wants_reply) {
    return;
  }
  Selection selection;
  select(request, selection);
  read_found(request, selection.found);
  QUORATE_ASSERT(reader_.complete(), "the plan read everything that its range needs", request.key);
  with_fields(request, selection, [&](const codec::RangeFields& fields) { reply.add(fields, visible_revision()); });
}

}  // namespace quorate::kv
