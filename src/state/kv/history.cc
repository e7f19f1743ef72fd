#include "base/assert.h"
#include "state/kv/store_impl.h"

namespace quorate::kv {
namespace {

constexpr std::int64_t kRevisionsAPage = 4096;  ///< looked at by one call, whether they match or not
constexpr std::int64_t kPrefetch = 256;         ///< revisions asked for at once when the first one is not in memory

}  // namespace

/// `value` is the whole record; the event shares its bytes.
Event StoreImpl::make_event(const RecordView& view, Revision at, const Buffer& value) const {
  Event event{.type = view.tombstone ? Event::Type::erase : Event::Type::put,
              .key = value.slice_of(view.kv.key),
              .value = value.slice_of(view.kv.value),
              .create_revision = view.kv.create_revision,
              .mod_revision = at.main,
              .sub_revision = at.sub,
              .version = view.kv.version,
              .lease = view.kv.lease};
  // The pair before is the one that a read at the revision before sees: nothing if that is compacted.
  if (at.main - 1 >= compact_revision_ && (view.tombstone || view.kv.version > 1)) {
    const KeyEntry* entry = index_.find(view.kv.key);
    if (const Version* before = entry == nullptr ? nullptr : entry->before(at);
        before != nullptr && !before->tombstone) {
      event.previous_revision = before->main;
      event.previous_sub = before->sub;
    }
  }
  return event;
}

HistoryPage StoreImpl::history(std::int64_t from, ByteView key, ByteView end, std::size_t max_events,
                               Callback<> ready) {
  QUORATE_ASSERT(from >= compact_revision_, "history begins behind what was compacted", from, compact_revision_);
  HistoryPage page;
  page.next_revision = std::max<std::int64_t>(from, 2);  // the first write made revision 2
  const KeyRange range = key_range(key, end);
  const std::int64_t last = std::min(revision_, page.next_revision + kRevisionsAPage - 1);
  reader_.begin();
  for (std::int64_t main = page.next_revision; main <= last && page.events.size() < max_events; ++main) {
    const std::size_t complete_events = page.events.size();
    bool whole = false;
    for (std::int64_t sub = 0; !whole; ++sub) {
      Buffer value;
      const env::Lookup::State state = reader_.read({main, sub}, value);
      if (state == env::Lookup::State::pending) {
        break;
      }
      if (state == env::Lookup::State::absent) {
        // Only a change that its own revision superseded may be gone, and only at the compacted revision.
        QUORATE_ASSERT(main == compact_revision_ && sub < INT32_MAX, "a revision ends with a last change", main, sub);
        continue;
      }
      const Result<RecordView> view = read_record(value.view());
      QUORATE_ASSERT(view.has_value(), "a record of the engine is readable", main, sub);
      whole = view->last;
      const KeyEntry* entry = range.contains(view->kv.key) ? index_.find(view->kv.key) : nullptr;
      if (entry != nullptr &&
          entry->is_kept({.main = main, .sub = static_cast<std::uint32_t>(sub)}, compact_revision_)) {
        page.events.push_back(make_event(*view, {main, sub}, value));
      }
    }
    if (!whole) {
      page.events.resize(complete_events);
      for (std::int64_t ahead = main + 1; ahead <= std::min(last, main + kPrefetch); ++ahead) {
        Buffer ignored;
        (void)reader_.read({ahead, 0}, ignored);
      }
      page.pending = page.events.empty();
      break;
    }
    page.next_revision = main + 1;
  }
  // With events to give, the caller comes again for the rest by itself.
  (void)reader_.finish(page.pending ? ready : Callback<>());
  return page;
}

env::Lookup StoreImpl::record_at(std::int64_t main, std::int64_t sub, Event& out, Callback<> ready) {
  reader_.begin();
  env::Lookup result;
  result.state = main > revision_ || main < 2 ? env::Lookup::State::absent : reader_.read({main, sub}, result.value);
  if (result.state == env::Lookup::State::value) {
    const Result<RecordView> view = read_record(result.value.view());
    QUORATE_ASSERT(view.has_value(), "a record of the engine is readable", main, sub);
    const KeyEntry* entry = index_.find(view->kv.key);
    if (entry != nullptr && entry->is_kept({.main = main, .sub = static_cast<std::uint32_t>(sub)}, compact_revision_)) {
      out = make_event(*view, {main, sub}, result.value);
      result.value = result.value.slice(1, result.value.size() - 1);
    } else {
      result = {};
    }
  }
  (void)reader_.finish(ready);
  return result;
}

}  // namespace quorate::kv
