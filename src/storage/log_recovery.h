#pragma once
// Opening the log: finds its segments, reads them, judges its end, and leaves it so that appending is unambiguous.
//
// Invariants: 1. recovering twice gives the same (crash in between included): a cut is recorded in the next segment's
// header and nothing of the segment that was cut is overwritten. 2. what recovery reports is durable when it returns.
// 3. damage that cannot be a torn write is reported with segment and offset; what groups lose by it says LogDamage.
// What leaves no part of the log to be trusted is an error that says what to do. Blocking; before the loop serves
// anybody.

#include <cstdint>
#include <string>

#include "base/result.h"
#include "env/entropy.h"
#include "env/files.h"
#include "storage/liveness.h"
#include "storage/log.h"
#include "storage/log_index.h"
#include "storage/segment_files.h"

namespace quorate::storage {

/// Where the log goes on.
struct LogTail {
  std::uint64_t first_live = 1;     ///< durable
  bool uncertain = false;           ///< not settled yet
  std::uint64_t first_damaged = 0;  ///< the oldest damaged segment; 0: none
};

/// Fills `segments`, `liveness` and `index` from `directory`, creating an empty log if there is none.
[[nodiscard]] Result<LogTail> recover_log(env::FileSystem& files, env::Entropy& entropy, const std::string& directory,
                                          const LogOptions& options, SegmentFiles& segments, Liveness& liveness,
                                          LogIndex& index, Recovery& recovery);

}  // namespace quorate::storage
