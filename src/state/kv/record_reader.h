#pragma once
// Reads of records by revision that never wait: from memory, or fetched by the engine while the caller comes again.
//
// One attempt is begin(), any number of read(), finish(). If a record was not at hand, finish() tells `pending` and
// calls `ready` once when all that the attempt missed has arrived. What arrived is held for the next attempt, however
// small the caches are, so that each attempt gets further than the one before. Invariants: 1. at most kMaxFetches
// records of an attempt are being fetched. 2. what waits for its attempt holds at most kHeldBytes, but for the newest
// arrival, which is as large as the answer that it is for. Owned by the store; the engine calls it back on the loop.

#include <cstdint>
#include <map>
#include <vector>

#include "base/callback.h"
#include "base/result.h"
#include "env/record_store.h"
#include "state/kv/recent_records.h"
#include "state/kv/record.h"
#include "state/kv/value_cache.h"
#include "state/state_machine.h"

namespace quorate::kv {

class RecordReader {
 public:
  static constexpr std::size_t kMaxFetches = 4096;
  static constexpr std::size_t kHeldBytes = 32U << 20;

  RecordReader(const RecordKeys& keys, env::RecordStore& records, const RecentRecords& recent, std::size_t cache_bytes)
      : keys_(keys), records_(records), recent_(recent), cache_(cache_bytes) {}

  /// Starts an attempt. `keep_all`: what is read stays at hand until finish(), so that reading it again cannot miss.
  void begin(bool keep_all = false);
  /// The record's value. `pending`: it is being fetched, go on with others and then finish().
  env::Lookup::State read(Revision at, Buffer& value);
  /// True if no read of this attempt missed.
  [[nodiscard]] bool complete() const { return missed_ == 0; }
  /// Ends the attempt: `done` if it was complete; else `ready` will be called, once.
  state::Execution finish(Callback<> ready);

  /// True if the record is in memory: read() would give it at once.
  [[nodiscard]] bool is_at_hand(Revision at) const;
  /// For whoever reads revision after revision: brings the records from `from` to all of `last` at hand, about
  /// `max_bytes` of them, with one read of the engine; then calls `ready`. One at a time.
  void read_ahead(Revision from, std::int64_t last, std::size_t max_bytes, Callback<> ready);

  void forget_cache() { cache_.clear(); }

 private:
  struct Round {
    Callback<> ready;
    std::size_t outstanding = 0;
    std::vector<Revision> wanted;
  };
  struct Held {
    Buffer value;
    std::uint64_t round = 0;
    bool is_of_page = false;  ///< pins a whole page: not for the cache
  };

  void on_arrived(std::uint64_t round);
  void on_late(std::uint64_t) {}
  void on_page(std::uint64_t, Result<env::RecordPage> page);
  void hold(Revision at, Held held);
  void drop_old(std::uint64_t newest_round);

  const RecordKeys& keys_;
  env::RecordStore& records_;
  const RecentRecords& recent_;
  ValueCache cache_;

  std::map<std::uint64_t, Round> rounds_;  ///< those that wait, and the present one if it missed
  std::uint64_t round_ = 0;                ///< the present attempt's
  std::map<Revision, Held> held_;
  std::size_t held_bytes_ = 0;
  Callback<> ahead_;            ///< waits for the page that is read ahead; not set: none is
  std::vector<Revision> used_;  ///< held values that the present attempt read
  std::size_t missed_ = 0;
  bool keep_all_ = false;
};

}  // namespace quorate::kv
