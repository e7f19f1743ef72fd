#include "service/watchers.h"

#include <algorithm>
#include <utility>

#include "base/assert.h"
#include "base/hash.h"
#include "base/plant.h"

namespace quorate::service {
namespace {

std::uint64_t salt_of(const Parts& parts) {
  Hasher hasher;
  hasher.add(parts.group);
  hasher.add(parts.self);
  hasher.add(parts.incarnation);
  hasher.add(static_cast<std::uint64_t>(parts.clock.wall().unix_ms));
  return hasher.value();
}

}  // namespace

Watchers::Watchers(Parts& parts) : parts_(parts), index_(salt_of(parts)) {}

void Watchers::shut_down() {
  parts_.loop.cancel(std::exchange(pump_timer_, 0));
  for (auto& [number, sink] : sinks_) {
    parts_.loop.cancel(std::exchange(streams_.at(sink).timer, 0));
  }
}

Watchers::Watcher* Watchers::find(WatcherId id) {
  const auto slot = static_cast<std::size_t>(id & ((1U << kSlotBits) - 1));
  return id != 0 && slot < slots_.size() && slots_[slot].id == id ? &slots_[slot] : nullptr;
}

const Watchers::Watcher* Watchers::find(WatcherId id) const {
  const auto slot = static_cast<std::size_t>(id & ((1U << kSlotBits) - 1));
  return id != 0 && slot < slots_.size() && slots_[slot].id == id ? &slots_[slot] : nullptr;
}

// ---- coming and going ---------------------------------------------------------------------------------------

WatcherId Watchers::create(const WatchSpec& spec, WatchSink& sink) {
  std::size_t slot = slots_.size();
  if (free_.empty()) {
    QUORATE_ASSERT(slot < (1U << kSlotBits), "front ends bound the number of watchers", slot);
    slots_.emplace_back();
  } else {
    slot = free_.back();
    free_.pop_back();
  }
  Watcher& watcher = slots_[slot];
  watcher = Watcher{};
  watcher.id = ++sequence_ << kSlotBits | slot;
  watcher.prev_kv = spec.prev_kv;
  watcher.no_put = spec.no_put;
  watcher.no_delete = spec.no_delete;
  watcher.progress_notify = spec.progress_notify;
  watcher.sink = &sink;
  watcher.key = spec.key;
  watcher.end = spec.range_end;
  ++count_;
  const std::int64_t now = parts_.store->revision();
  watcher.next = spec.start_revision == 0 ? now + 1 : spec.start_revision;
  ++behind_count_;
  if (watcher.next > now) {
    become_synced(watcher);
  } else {
    queue(watcher);
  }
  Stream& stream = streams_[&sink];
  if (stream.number == 0) {
    stream.number = ++streams_made_;
    sinks_.emplace(stream.number, &sink);
  }
  stream.watchers.insert(watcher.id);
  if (spec.progress_notify && stream.timer == 0) {
    arm_progress(stream);
  }
  return watcher.id;
}

void Watchers::cancel(WatcherId id) {
  if (Watcher* watcher = find(id); watcher != nullptr) {
    remove(*watcher);
  }
}

void Watchers::remove(Watcher& watcher) {
  if (watcher.is_synced) {
    index_.remove(watcher.key.view(), watcher.end.view(), watcher.id);
  } else {
    --behind_count_;
  }
  const auto stream = streams_.find(watcher.sink);
  stream->second.watchers.erase(watcher.id);
  if (stream->second.watchers.empty()) {
    parts_.loop.cancel(stream->second.timer);
    sinks_.erase(stream->second.number);
    streams_.erase(stream);
  }
  --count_;
  free_.push_back(static_cast<std::uint32_t>(watcher.id & ((1U << kSlotBits) - 1)));
  watcher = Watcher{};
}

bool Watchers::all_synced(std::span<const WatcherId> watchers, std::int64_t& revision) const {
  revision = parts_.store->revision();
  return std::ranges::all_of(watchers, [&](WatcherId id) {
    const Watcher* watcher = find(id);
    return watcher != nullptr && watcher->is_synced && watcher->first_hit == kNone && watcher->next <= revision + 1;
  });
}

void Watchers::on_sink_ready(WatchSink& sink) {
  const auto stream = streams_.find(&sink);
  if (stream == streams_.end()) {
    return;
  }
  for (const WatcherId id : stream->second.watchers) {
    if (Watcher& watcher = *find(id); !watcher.is_synced && !watcher.is_fetching) {
      queue(watcher);
    }
  }
}

// ---- synced watchers ----------------------------------------------------------------------------------------

bool Watchers::wants(const Watcher& watcher, const kv::Event& event) const {
  return event.type == kv::Event::Type::put ? !watcher.no_put : !watcher.no_delete;
}

void Watchers::on_replaced(std::int64_t revision) {
  QUORATE_ASSERT(!is_flushing_ && revision >= executed_, "a state is replaced by a later one", revision, executed_);
  executed_ = revision;
  if (!index_.empty() && !QUORATE_PLANT(watch_forgets_snapshot)) {
    resync_all();
  }
}

void Watchers::on_executed(std::int64_t revision, std::span<const kv::Event> events) {
  QUORATE_ASSERT(!is_flushing_, "nothing is executed while watchers are told", revision);
  QUORATE_ASSERT(executed_ == 0 || revision == executed_ + 1, "no revision is left out", revision, executed_);
  executed_ = revision;
  if (index_.empty()) {
    return;
  }
  for (const kv::Event& event : events) {
    found_.clear();
    index_.find(event.key.view(), found_);
    bool is_kept = false;
    for (const WatcherId id : found_) {
      hit(id, event, is_kept);
    }
  }
  if (!touched_.empty() && !std::exchange(is_flush_scheduled_, true)) {
    parts_.loop.defer(Callback<>::to<&Watchers::flush>(this));
  }
}

void Watchers::hit(WatcherId id, const kv::Event& event, bool& is_kept) {
  Watcher& watcher = *find(id);
  if (event.mod_revision < watcher.next || !wants(watcher, event)) {
    return;
  }
  if (!std::exchange(is_kept, true)) {
    turn_.emplace_back(event);
  }
  const auto made = static_cast<std::uint32_t>(hits_.size());
  hits_.push_back({static_cast<std::uint32_t>(turn_.size() - 1), kNone});
  if (watcher.first_hit == kNone) {
    watcher.first_hit = made;
    touched_.push_back(id);
  } else {
    hits_[watcher.last_hit].next = made;
  }
  watcher.last_hit = made;
}

void Watchers::flush(std::uint64_t) {
  is_flush_scheduled_ = false;
  is_flushing_ = true;
  std::vector<SharedEvent> turn = std::exchange(turn_, {});
  std::vector<Hit> hits = std::exchange(hits_, {});
  const std::vector<WatcherId> touched = std::exchange(touched_, {});
  for (const WatcherId id : touched) {
    flush_watcher(id, turn, hits);
  }
  turn.clear();
  hits.clear();
  turn_ = std::move(turn);
  hits_ = std::move(hits);
  is_flushing_ = false;
}

void Watchers::flush_watcher(WatcherId id, std::vector<SharedEvent>& turn, const std::vector<Hit>& hits) {
  Watcher* watcher = find(id);
  if (watcher == nullptr || watcher->first_hit == kNone) {
    return;  // cancelled since, or fell behind
  }
  const std::uint32_t first = std::exchange(watcher->first_hit, kNone);
  watcher->last_hit = kNone;
  const std::int64_t from = turn[hits[first].event].event().mod_revision;
  if (!watcher->sink->can_take()) {
    parts_.trace(Branch::watcher_sink_full, id);
    fall_behind(*watcher, from);
    return;
  }
  out_.clear();
  for (std::uint32_t at = first; at != kNone; at = hits[at].next) {
    SharedEvent& event = turn[hits[at].event];
    if (watcher->prev_kv && !event.fetch_previous(*parts_.store, Callback<>::to<&Watchers::on_fetched>(this, id))) {
      parts_.trace(Branch::watcher_fetches, id);
      fall_behind(*watcher, from);
      watcher->is_fetching = true;
      return;
    }
    out_.push_back({&event.event(), watcher->prev_kv ? event.with_previous() : event.plain()});
  }
  const std::int64_t last = out_.back().event->mod_revision;
  watcher->next = last + 1;
  watcher->had_events = true;
  watcher->sink->on_events(id, last, out_);
}

void Watchers::fall_behind(Watcher& watcher, std::int64_t next) {
  index_.remove(watcher.key.view(), watcher.end.view(), watcher.id);
  watcher.is_synced = false;
  watcher.first_hit = kNone;
  watcher.last_hit = kNone;
  watcher.next = next;
  if (QUORATE_PLANT(watch_skips_revision_on_resync)) {
    ++watcher.next;
  } else if (QUORATE_PLANT(watch_duplicate_on_resync)) {
    --watcher.next;
  }
  watcher.slice_events = kFirstSlice;
  ++behind_count_;
}

void Watchers::resync_all() {
  parts_.trace(Branch::watchers_resynced, count_);
  for (Watcher& watcher : slots_) {
    if (watcher.id != 0 && watcher.is_synced) {
      const bool has_hits = watcher.first_hit != kNone;
      fall_behind(watcher, has_hits ? turn_[hits_[watcher.first_hit].event].event().mod_revision : watcher.next);
      queue(watcher);
    }
  }
}

// ---- watchers that are behind -------------------------------------------------------------------------------

void Watchers::become_synced(Watcher& watcher) {
  index_.add(watcher.key.view(), watcher.end.view(), watcher.id);
  watcher.is_synced = true;
  watcher.slice.reset();
  --behind_count_;
}

void Watchers::queue(Watcher& watcher) {
  if (!std::exchange(watcher.is_queued, true)) {
    queue_.push_back(watcher.id);
    schedule_pump();
  }
}

void Watchers::schedule_pump() {
  if (pump_timer_ == 0 && !parts_.is_stopped) {
    pump_timer_ = parts_.loop.arm(parts_.clock.now(), Callback<>::to<&Watchers::pump>(this));
  }
}

void Watchers::pump(std::uint64_t) {
  pump_timer_ = 0;
  std::size_t slices = 0;
  for (std::size_t left = queue_.size(); left > 0 && slices < kSlicesPerTurn; --left) {
    Watcher* watcher = find(queue_.front());
    queue_.pop_front();
    if (watcher == nullptr) {
      continue;
    }
    watcher->is_queued = false;
    if (watcher->is_synced || watcher->is_fetching || !watcher->sink->can_take()) {
      continue;  // on_sink_ready() or on_fetched() brings it back
    }
    const bool is_shared = last_slice_ != nullptr && last_slice_->from == watcher->next &&
                           last_slice_->key == watcher->key && last_slice_->end == watcher->end;
    slices += is_shared ? 0 : 1;
    serve_slice(*watcher);
  }
  last_slice_.reset();
  if (!queue_.empty()) {
    schedule_pump();
  }
}

void Watchers::serve_slice(Watcher& watcher) {
  const WatcherId id = watcher.id;
  if (watcher.slice == nullptr) {
    if (watcher.next < parts_.store->compact_revision()) {
      end_compacted(watcher);
      return;
    }
    watcher.slice = read_slice(watcher);
    if (watcher.slice == nullptr) {
      return;
    }
  }
  const std::shared_ptr<Slice> slice = watcher.slice;
  const std::int64_t next = hand_over(watcher, *slice);
  if (find(id) == nullptr) {
    return;  // the sink cancelled it
  }
  watcher.next = next;
  if (watcher.is_fetching) {
    return;
  }
  watcher.slice.reset();
  if (slice->bytes < kSmallSliceBytes) {
    watcher.slice_events = static_cast<std::uint16_t>(std::min<std::size_t>(watcher.slice_events * 2U, kLargestSlice));
  } else if (slice->bytes > kLargeSliceBytes) {
    watcher.slice_events = static_cast<std::uint16_t>(std::max<std::size_t>(watcher.slice_events / 2U, 1));
  }
  if (watcher.next > parts_.store->revision()) {
    parts_.trace(Branch::watcher_caught_up, id);
    become_synced(watcher);
  } else {
    queue(watcher);
  }
}

std::shared_ptr<Watchers::Slice> Watchers::read_slice(Watcher& watcher) {
  if (last_slice_ != nullptr && last_slice_->from == watcher.next && last_slice_->key == watcher.key &&
      last_slice_->end == watcher.end) {
    parts_.trace(Branch::slice_shared, watcher.id);
    return last_slice_;
  }
  kv::HistoryPage page =
      parts_.store->history(watcher.next, watcher.key.view(), watcher.end.view(), watcher.slice_events,
                            Callback<>::to<&Watchers::on_fetched>(this, watcher.id));
  if (page.pending) {
    parts_.trace(Branch::watcher_fetches, watcher.id);
    watcher.is_fetching = true;
    watcher.next = std::max(watcher.next, page.next_revision);  // nothing it wants lies before
    return nullptr;
  }
  QUORATE_ASSERT(page.next_revision > watcher.next || page.next_revision > parts_.store->revision(),
                 "a page of history goes on", watcher.next, page.next_revision);
  auto slice = std::make_shared<Slice>();
  slice->key = watcher.key;
  slice->end = watcher.end;
  slice->from = watcher.next;
  slice->next = page.next_revision;
  slice->events.reserve(page.events.size());
  for (kv::Event& event : page.events) {
    slice->events.emplace_back(std::move(event));
    slice->bytes += slice->events.back().bytes();
  }
  last_slice_ = slice;
  return slice;
}

std::int64_t Watchers::hand_over(Watcher& watcher, Slice& slice) {
  const WatcherId id = watcher.id;
  std::int64_t next = slice.next;
  out_.clear();
  for (SharedEvent& event : slice.events) {
    if (event.event().mod_revision < watcher.next || !wants(watcher, event.event())) {
      continue;
    }
    if (watcher.prev_kv && !event.fetch_previous(*parts_.store, Callback<>::to<&Watchers::on_fetched>(this, id))) {
      parts_.trace(Branch::watcher_fetches, id);
      watcher.is_fetching = true;
      next = event.event().mod_revision;  // whole revisions only: this one waits
      break;
    }
    out_.push_back({&event.event(), watcher.prev_kv ? event.with_previous() : event.plain()});
  }
  while (!out_.empty() && out_.back().event->mod_revision >= next) {
    out_.pop_back();
  }
  if (!out_.empty()) {
    watcher.had_events = true;
    watcher.sink->on_events(id, parts_.store->revision(), out_);
  }
  return next;
}

void Watchers::on_fetched(std::uint64_t id) {
  if (Watcher* watcher = find(id); watcher != nullptr && watcher->is_fetching) {
    watcher->is_fetching = false;
    queue(*watcher);
  }
}

void Watchers::end_compacted(Watcher& watcher) {
  const WatcherId id = watcher.id;
  WatchSink* sink = watcher.sink;
  parts_.trace(Branch::watcher_compacted, id);
  remove(watcher);
  sink->on_compacted(id, parts_.store->compact_revision());
}

// ---- progress -----------------------------------------------------------------------------------------------

void Watchers::arm_progress(Stream& stream) {
  constexpr Duration kShortest = std::chrono::milliseconds(100);
  if (stream.interval == Duration()) {
    const Duration base = std::max(parts_.config.progress_interval, kShortest);
    Hasher jitter;  // up to a tenth, so that the streams of a node do not speak at once
    jitter.add(salt_of(parts_));
    jitter.add(stream.number);
    stream.interval = base + Duration(static_cast<std::int64_t>(jitter.value() % 1000) * (base.count() / 10'000));
  }
  stream.timer = parts_.loop.arm(parts_.clock.now() + stream.interval,
                                 Callback<>::to<&Watchers::on_progress_timer>(this, stream.number));
}

void Watchers::on_progress_timer(std::uint64_t number) {
  const auto named = sinks_.find(number);
  if (named == sinks_.end()) {
    return;
  }
  WatchSink* sink = named->second;
  if (!touched_.empty()) {
    flush(0);  // a notice covers only what was handed over
  }
  const auto stream = streams_.find(sink);
  if (stream == streams_.end() || stream->second.number != number) {
    return;
  }
  stream->second.timer = 0;
  arm_progress(stream->second);
  const std::vector<WatcherId> ids(stream->second.watchers.begin(), stream->second.watchers.end());
  const std::int64_t revision = parts_.store->revision();
  for (const WatcherId id : ids) {
    Watcher* watcher = find(id);
    if (watcher == nullptr || !watcher->progress_notify) {
      continue;
    }
    const bool had_events = std::exchange(watcher->had_events, false);
    const bool is_due = watcher->is_synced && watcher->next <= revision + 1 && !had_events;
    if ((is_due && watcher->sink->can_take()) || QUORATE_PLANT(progress_too_early)) {
      watcher->sink->on_progress(id, revision);
    }
  }
}

}  // namespace quorate::service
