#pragma once
// Watches of one group on one node: from revisions to streams.
//
// A watcher is synced (it gets each new revision as it is executed, found by an index over keys) or it catches up from
// the store's history in bounded slices, outside the apply path.
//
// Invariants: 1. a watcher gets every matching event with mod_revision >= its start exactly once, in order, all events
//                of a revision together. 2. a progress notice at R goes out only after every event <= R was handed
//                over.
//             3. a sink that is full (can_take() false) is skipped and catches up later; it costs bounded memory.
// Facts: etcd watch, section 2.7. Owned by the group's KvService, on the loop.

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "state/kv/store.h"

namespace quorate::service {

using WatcherId = std::uint64_t;  ///< of the hub; 0 is none

/// One event with its previous version, if the watcher asked for it. `encoded` is the mvccpb.Event, shared by all
/// watchers that want the same form.
struct WatchEvent {
  const kv::Event* event = nullptr;
  Buffer encoded;
};

/// A stream of one client: receives what its watchers see. Called on the loop.
class WatchSink {
 public:
  virtual ~WatchSink() = default;
  /// False: the client does not read fast enough; its watchers fall back to history.
  [[nodiscard]] virtual bool can_take() const = 0;
  /// Events of one watcher: whole revisions, rising. `header_revision` as etcd's.
  virtual void on_events(WatcherId watcher, std::int64_t header_revision, std::span<const WatchEvent> events) = 0;
  /// Its next revision was compacted; the watcher is gone.
  virtual void on_compacted(WatcherId watcher, std::int64_t compact_revision) = 0;
  /// All events <= revision of this watcher were handed over (progress_notify).
  virtual void on_progress(WatcherId watcher, std::int64_t revision) = 0;
};

struct WatchSpec {
  Buffer key;
  Buffer range_end;                 ///< as in the request: empty, "\0" or the end
  std::int64_t start_revision = 0;  ///< 0: after the current revision
  bool prev_kv = false;
  bool no_put = false;
  bool no_delete = false;
  bool progress_notify = false;
};

class WatchHub {
 public:
  virtual ~WatchHub() = default;
  /// `spec` was validated by the front end. Events come later, never inside the call.
  virtual WatcherId create(const WatchSpec& spec, WatchSink& sink) = 0;
  virtual void cancel(WatcherId watcher) = 0;
  /// True, with the revision, if every one of `watchers` was handed everything up to the current revision.
  [[nodiscard]] virtual bool all_synced(std::span<const WatcherId> watchers, std::int64_t& revision) const = 0;
  /// The sink can take again.
  virtual void on_sink_ready(WatchSink& sink) = 0;
  [[nodiscard]] virtual std::size_t watcher_count() const = 0;
  [[nodiscard]] virtual std::size_t slow_watcher_count() const = 0;
};

}  // namespace quorate::service
