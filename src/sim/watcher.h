#pragma once
// A watching client of a run: one watch at a time on a random range at a random node; when its node dies or the watch
// is compacted away, it resumes elsewhere behind the last revision it was told of, as etcd's clients do.
//
// Owned by the run.

#include <cstdint>
#include <map>
#include <string>

#include "service/watch_hub.h"
#include "sim/cluster.h"
#include "sim/history.h"
#include "sim/random.h"

namespace quorate::sim {

class Watcher : public service::WatchSink {
 public:
  Watcher(std::uint32_t number, Cluster& cluster, Random random, std::map<GroupId, History>& histories,
          std::uint32_t groups, std::uint32_t keys);

  void start();
  /// Resumes at a live node if its watch ended; called from time to time and when nodes come back.
  void revive();
  /// From now on it always reads, so that it can be told of everything.
  void read_on();
  /// The run ends: hands over its record as alive, if it is.
  void finish();
  void on_life_ended(std::uint32_t node);

  // WatchSink
  [[nodiscard]] bool can_take() const override { return !full_; }
  void on_events(service::WatcherId watcher, std::int64_t header_revision,
                 std::span<const service::WatchEvent> events) override;
  void on_compacted(service::WatcherId watcher, std::int64_t compact_revision) override;
  void on_progress(service::WatcherId watcher, std::int64_t revision) override;

  [[nodiscard]] std::uint64_t resumed() const { return resumed_; }

 private:
  void watch_from(std::int64_t revision);
  void hand_over(bool alive);
  void toggle_full(std::uint64_t);
  void set_full(bool full);

  std::uint32_t number_;
  Cluster& cluster_;
  Random random_;
  std::map<GroupId, History>& histories_;
  GroupId group_;
  std::string key_;
  std::string end_;
  bool active_ = false;
  bool full_ = false;  ///< a client that does not read for a while
  bool reads_on_ = false;
  service::WatcherId watch_ = 0;
  WatchRecord record_;
  std::int64_t next_ = 1;  ///< resume from here
  std::uint64_t resumed_ = 0;
};

}  // namespace quorate::sim
