#pragma once
// RocksDB as a record store.
//
// Invariants: those of env/record_store.h. RocksDB's own log is off: what is durable is what was flushed, in the order
// of the batches, because there is one column family and one writer. The loop never waits: a lookup that would read
// the disk goes to the reader thread, scans to the scanner thread, flushes to the flusher thread, and stalled() warns
// long before RocksDB would slow a write down. A record that cannot be read is never reported as absent: `failed` is
// told, and the lookup stays pending. Owned by `server`, on the loop; cursors must not outlive it.

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "base/result.h"
#include "env/record_store.h"

namespace quorate::engine_rocksdb {

struct EngineOptions {
  std::size_t memtable_bytes = 64U << 20;
  std::size_t block_cache_bytes = 256U << 20;
  int background_jobs = 2;
  /// For tests: what was not flushed is lost when the store is closed, as in a crash.
  bool lose_unflushed_on_close = false;
};

/// How the engine's threads reach the loop, and what they tell it.
struct EngineHooks {
  /// Runs work on the loop in a later turn; called on any thread; outlives the store.
  std::function<void(std::function<void()>)> post;
  /// The engine cannot go on: damage or a failed write in the background. On the loop.
  std::function<void(const Error&)> failed;
};

/// Opens or creates the engine in `directory` (whose parent exists). Blocking.
[[nodiscard]] Result<std::unique_ptr<env::RecordStore>> open_rocksdb_store(const std::string& directory,
                                                                           const EngineOptions& options,
                                                                           EngineHooks hooks);

}  // namespace quorate::engine_rocksdb
