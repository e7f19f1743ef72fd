#pragma once
// The watchers of one group: who is synced gets a turn's events at its end; who is behind is brought up from the
// store's history, a slice at a time, between turns.
//
//                     caught up                 sink full, version before not at hand
//   behind ------------------------> synced -----------------------------------------> behind
//     | history compacted: gone
//
// Invariants: those of watch_hub.h, and: 1. a synced watcher was handed, or will be at the end of this turn, everything
//                below `next`. 2. a watcher that is behind was handed everything below `next` and nothing above; it
//                becomes synced only in a step in which nothing is executed. 3. sinks may create and cancel watchers
//                while they are being told.
// Owned by the group's service, on the loop.

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <set>
#include <vector>

#include "service/event_encoding.h"
#include "service/parts.h"
#include "service/watch_hub.h"
#include "service/watcher_index.h"

namespace quorate::service {

class Watchers final : public WatchHub {
 public:
  explicit Watchers(Parts& parts);

  void attach() { executed_ = parts_.store->revision(); }
  void shut_down();
  void on_executed(std::int64_t revision, std::span<const kv::Event> events);
  /// A snapshot brought the store to `revision`: watchers read on in the history (W-05).
  void on_replaced(std::int64_t revision);

  // WatchHub
  WatcherId create(const WatchSpec& spec, WatchSink& sink) override;
  void cancel(WatcherId watcher) override;
  [[nodiscard]] bool all_synced(std::span<const WatcherId> watchers, std::int64_t& revision) const override;
  void on_sink_ready(WatchSink& sink) override;
  [[nodiscard]] std::size_t watcher_count() const override { return count_; }
  [[nodiscard]] std::size_t slow_watcher_count() const override { return behind_count_; }

 private:
  static constexpr std::uint32_t kSlotBits = 28;
  static constexpr std::uint32_t kNone = 0xFFFF'FFFF;
  static constexpr std::size_t kSlicesPerTurn = 16;
  static constexpr std::size_t kFirstSlice = 64;  ///< events; doubles while they are small
  static constexpr std::size_t kLargestSlice = 1024;
  static constexpr std::size_t kSmallSliceBytes = 256U << 10;
  static constexpr std::size_t kLargeSliceBytes = 1U << 20;

  /// Events out of the history for everybody who is at the same place.
  struct Slice {
    Buffer key;
    Buffer end;
    std::int64_t from = 0;
    std::int64_t next = 0;
    std::size_t bytes = 0;
    std::vector<SharedEvent> events;
  };

  struct Watcher {
    WatcherId id = 0;  ///< 0: the slot is free
    bool is_synced = false;
    bool is_queued = false;    ///< in queue_
    bool is_fetching = false;  ///< waits for records
    bool had_events = false;   ///< since the last progress notice was due
    bool prev_kv = false;
    bool no_put = false;
    bool no_delete = false;
    bool progress_notify = false;
    std::uint16_t slice_events = kFirstSlice;
    std::uint32_t first_hit = kNone;  ///< this turn's events, in hits_
    std::uint32_t last_hit = kNone;
    std::int64_t next = 0;
    WatchSink* sink = nullptr;
    Buffer key;
    Buffer end;
    std::shared_ptr<Slice> slice;  ///< while versions before are being fetched for it
  };

  struct Hit {
    std::uint32_t event = 0;  ///< in turn_
    std::uint32_t next = kNone;
  };

  struct Stream {
    std::uint64_t number = 0;
    std::set<WatcherId> watchers;
    env::TimerId timer = 0;
    Duration interval{};
  };

  [[nodiscard]] Watcher* find(WatcherId id);
  [[nodiscard]] const Watcher* find(WatcherId id) const;
  [[nodiscard]] bool wants(const Watcher& watcher, const kv::Event& event) const;

  // synced
  void hit(WatcherId id, const kv::Event& event, bool& is_kept);
  void flush(std::uint64_t);
  void flush_watcher(WatcherId id, std::vector<SharedEvent>& turn, const std::vector<Hit>& hits);
  void fall_behind(Watcher& watcher, std::int64_t next);
  void resync_all();

  // behind
  void become_synced(Watcher& watcher);
  void queue(Watcher& watcher);
  void schedule_pump();
  void pump(std::uint64_t);
  void serve_slice(Watcher& watcher);
  [[nodiscard]] std::shared_ptr<Slice> read_slice(Watcher& watcher);
  /// Hands over what of the slice is at hand; returns the first revision that was not.
  [[nodiscard]] std::int64_t hand_over(Watcher& watcher, Slice& slice);
  void on_fetched(std::uint64_t id);
  void end_compacted(Watcher& watcher);
  void remove(Watcher& watcher);

  // progress
  void arm_progress(Stream& stream);
  void on_progress_timer(std::uint64_t number);

  Parts& parts_;
  WatcherIndex index_;
  std::deque<Watcher> slots_{1};
  std::vector<std::uint32_t> free_;
  std::uint64_t sequence_ = 0;
  std::size_t count_ = 0;
  std::size_t behind_count_ = 0;
  std::int64_t executed_ = 0;  ///< the last revision seen

  std::vector<SharedEvent> turn_;  ///< events of this turn that somebody wants
  std::vector<Hit> hits_;
  std::vector<WatcherId> touched_;  ///< in order of their first hit
  std::vector<WatcherId> found_;    ///< memory used again
  std::vector<WatchEvent> out_;
  bool is_flush_scheduled_ = false;
  bool is_flushing_ = false;

  std::deque<WatcherId> queue_;  ///< behind and able to go on
  env::TimerId pump_timer_ = 0;
  std::shared_ptr<Slice> last_slice_;  ///< of this pump, for the next at the same place

  std::map<WatchSink*, Stream> streams_;       ///< looked up only; never walked
  std::map<std::uint64_t, WatchSink*> sinks_;  ///< by stream number
  std::uint64_t streams_made_ = 0;
};

}  // namespace quorate::service
