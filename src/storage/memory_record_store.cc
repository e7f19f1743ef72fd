#include "storage/memory_record_store.h"

#include <algorithm>

#include "base/assert.h"

namespace quorate::storage {
namespace {
constexpr std::size_t kMostFetchedKeys = 1024;
}  // namespace

MemoryRecordStore::~MemoryRecordStore() {
  for (const auto& [token, fetch] : fetches_) {
    loop_.cancel(fetch.timer);
  }
  for (const auto& [token, read] : page_reads_) {
    loop_.cancel(read.timer);
  }
  for (const auto& [token, flush] : flushes_) {
    loop_.cancel(flush.timer);
  }
}

env::Lookup MemoryRecordStore::get(ByteView key, Callback<> ready) {
  QUORATE_ASSERT(static_cast<bool>(ready), "a lookup may be pending: it needs a callback");
  if (const auto warm = fetched_.find(key); warm != fetched_.end()) {
    fetched_.erase(warm);
  } else if (happens(behaviour.pending_per_million)) {
    ++counters.pending_lookups;
    const std::uint64_t token = ++last_token_;
    const auto fired = Callback<>::to<&MemoryRecordStore::on_fetched>(this, token);
    const env::TimerId timer = loop_.arm(clock_.now() + up_to(behaviour.lookup_delay), fired);
    fetches_.emplace(token, Fetch{std::string(key), ready, timer});
    return {env::Lookup::State::pending, {}};
  }
  if (std::optional<Buffer> value = records_.find(key)) {
    return {env::Lookup::State::value, std::move(*value)};
  }
  return {env::Lookup::State::absent, {}};
}

void MemoryRecordStore::on_fetched(std::uint64_t token) {
  auto node = fetches_.extract(token);
  QUORATE_ASSERT(!node.empty(), "a fetch ends once", token);
  if (fetched_.size() >= kMostFetchedKeys) {
    fetched_.erase(fetched_.begin());  // nobody asked again; who does will wait once more
  }
  fetched_.insert(std::move(node.mapped().key));
  node.mapped().ready();
}

Result<std::optional<Buffer>> MemoryRecordStore::get_blocking(ByteView key) { return records_.find(key); }

std::unique_ptr<env::RecordCursor> MemoryRecordStore::scan(ByteView from, ByteView to) {
  return records_.scan(from, to);
}

void MemoryRecordStore::read_page_async(std::shared_ptr<env::RecordCursor> cursor, std::size_t max_bytes,
                                        Callback<Result<env::RecordPage>> done) {
  const std::uint64_t token = ++last_token_;
  const env::TimerId timer = loop_.arm(clock_.now() + up_to(behaviour.lookup_delay),
                                       Callback<>::to<&MemoryRecordStore::on_page_due>(this, token));
  page_reads_.emplace(token, PageRead{std::move(cursor), max_bytes, done, timer});
}

void MemoryRecordStore::on_page_due(std::uint64_t token) {
  auto node = page_reads_.extract(token);
  QUORATE_ASSERT(!node.empty(), "a page is read once", token);
  node.mapped().done(env::read_page(*node.mapped().cursor, node.mapped().max_bytes));
}

Status MemoryRecordStore::write(env::RecordBatch batch) {
  records_.apply(batch);
  return {};
}

void MemoryRecordStore::flush(Callback<Status> done) {
  ++counters.flushes;
  Instant due = clock_.now() + up_to(behaviour.flush_delay);
  if (!flushes_.empty()) {
    due = std::max(due, flushes_.rbegin()->second.due);  // flushes complete in order
  }
  const std::uint64_t token = ++last_token_;
  const env::TimerId timer = loop_.arm(due, Callback<>::to<&MemoryRecordStore::on_flushed>(this, token));
  flushes_.emplace(token, Flush{records_.applied(), done, timer, due});
}

void MemoryRecordStore::on_flushed(std::uint64_t token) {
  auto node = flushes_.extract(token);
  QUORATE_ASSERT(!node.empty(), "a flush ends once", token);
  if (happens(behaviour.fail_flushes_per_million)) {
    ++counters.failed_flushes;
    node.mapped().done(fail(ErrorCode::io, "the engine could not flush: simulated I/O error"));
    return;
  }
  records_.set_flushed(std::max(node.mapped().batches, records_.applied() - records_.unflushed()));
  node.mapped().done(Status{});
}

}  // namespace quorate::storage
