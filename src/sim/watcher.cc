#include "sim/watcher.h"

#include <algorithm>

namespace quorate::sim {
namespace {

constexpr Duration kReadingMin = std::chrono::milliseconds(20);
constexpr Duration kReadingMax = std::chrono::milliseconds(300);

}  // namespace

Watcher::Watcher(std::uint32_t number, Cluster& cluster, Random random, std::map<GroupId, History>& histories,
                 std::uint32_t groups, std::uint32_t keys)
    : number_(number), cluster_(cluster), random_(random.split("watcher")), histories_(histories) {
  group_ = GroupId(random_.between(1, groups));
  switch (random_.between(0, 2)) {
    case 0: key_ = "k" + std::to_string(random_.between(1, keys)); break;
    case 1:
      key_ = "k";
      end_ = "l";
      break;
    default: key_ = "k" + std::to_string(random_.between(1, keys)); end_ = std::string(1, '\0');
  }
}

void Watcher::start() {
  watch_from(1);
  toggle_full(0);
}

void Watcher::toggle_full(std::uint64_t) {
  const auto spread = static_cast<std::uint64_t>((kReadingMax - kReadingMin).count());
  const Duration pause = kReadingMin + Duration(static_cast<std::int64_t>(random_.between(0, spread)));
  cluster_.queue().schedule(cluster_.now() + pause, Owner{}, Callback<>::to<&Watcher::toggle_full>(this));
  set_full(!reads_on_ && random_.chance(1, 4));
}

void Watcher::set_full(bool full) {
  const bool was_full = full_;
  full_ = full;
  if (was_full && !full_ && active_) {
    cluster_.node(record_.node).service(group_).watches().on_sink_ready(*this);
  }
}

void Watcher::read_on() {
  reads_on_ = true;
  set_full(false);
}

/// W-08: a watch that ended goes on behind what it was told, at whatever node answers.
void Watcher::watch_from(std::int64_t revision) {
  const auto first = static_cast<std::uint32_t>(random_.between(0, cluster_.node_count() - 1));
  for (std::uint32_t i = 0; i < cluster_.node_count() && !active_; ++i) {
    Node& node = cluster_.node((first + i) % cluster_.node_count() + 1);
    if (!node.is_alive()) {
      continue;
    }
    record_ = WatchRecord{};
    record_.client = number_;
    record_.node = node.index();
    record_.key = key_;
    record_.end = end_;
    record_.from = revision;
    service::WatchSpec spec;
    spec.key = Buffer::copy_of(key_);
    spec.range_end = Buffer::copy_of(end_);
    spec.start_revision = revision;
    spec.progress_notify = true;
    active_ = true;
    watch_ = node.service(group_).watches().create(spec, *this);
  }
}

void Watcher::revive() {
  if (!active_) {
    ++resumed_;
    watch_from(next_);
  }
}

void Watcher::on_events(service::WatcherId watcher, std::int64_t /*header_revision*/,
                        std::span<const service::WatchEvent> events) {
  if (!active_ || watcher != watch_) {
    return;
  }
  for (const service::WatchEvent& told : events) {
    record_.told.push_back({told.event->mod_revision, change_of(*told.event)});
    next_ = told.event->mod_revision + 1;
  }
}

void Watcher::on_compacted(service::WatcherId watcher, std::int64_t compact_revision) {
  if (!active_ || watcher != watch_) {
    return;
  }
  record_.compacted = true;
  record_.compact_revision = compact_revision;
  next_ = std::max(next_, compact_revision);
  hand_over(false);
}

void Watcher::on_progress(service::WatcherId watcher, std::int64_t revision) {
  if (active_ && watcher == watch_) {
    record_.progress.emplace_back(record_.told.size(), revision);
    next_ = std::max(next_, revision + 1);
  }
}

void Watcher::on_life_ended(std::uint32_t node) {
  if (active_ && record_.node == node) {
    hand_over(false);
  }
}

void Watcher::finish() {
  if (active_) {
    hand_over(true);
  }
}

void Watcher::hand_over(bool alive) {
  record_.alive_at_end = alive;
  histories_[group_].watches.push_back(std::move(record_));
  record_ = WatchRecord{};
  active_ = false;
  watch_ = 0;
}

}  // namespace quorate::sim
