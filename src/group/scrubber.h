#pragma once
// Reads the node's log and records again from time to time, so that a damaged disk is noticed while others still have
// what it has lost, and not only when the data is wanted (docs/decisions/damaged-logs.md).
//
// Invariants: 1. one reading at a time, the log before the records; the next begins an interval after the last ended.
//             2. a disk that fails to read proves nothing: that reading is given up, the next one tries again.
// Owned by a host, on its loop.

#include "base/callback.h"
#include "base/result.h"
#include "base/time.h"
#include "base/trace.h"
#include "env/clock.h"
#include "env/loop.h"
#include "env/record_store.h"
#include "storage/log.h"

namespace quorate::group {

class Scrubber {
 public:
  struct Damage {
    Error why;
    bool in_records = false;  ///< else in the log
  };

  /// `interval` 0: never. `damaged` is called at most once.
  Scrubber(Duration interval, env::Clock& clock, env::Loop& loop, storage::Log& log, env::RecordStore& records,
           TraceSink& traces, Callback<const Damage&> damaged)
      : interval_(interval),
        clock_(clock),
        loop_(loop),
        log_(log),
        records_(records),
        traces_(traces),
        damaged_(damaged) {}
  ~Scrubber() { stop(); }
  Scrubber(const Scrubber&) = delete;
  Scrubber& operator=(const Scrubber&) = delete;

  void start();
  void stop();

 private:
  void begin(std::uint64_t);
  void on_log_read(std::uint64_t, Status status);
  void on_records_read(std::uint64_t, Status status);
  /// False: the reading goes no further.
  [[nodiscard]] bool judge(const Status& status, bool in_records);

  const Duration interval_;
  env::Clock& clock_;
  env::Loop& loop_;
  storage::Log& log_;
  env::RecordStore& records_;
  TraceSink& traces_;
  const Callback<const Damage&> damaged_;
  env::TimerId timer_ = 0;
  bool stopped_ = false;
};

}  // namespace quorate::group
