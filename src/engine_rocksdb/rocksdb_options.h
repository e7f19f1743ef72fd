#pragma once
// How RocksDB is set up for records whose keys mostly rise, written in batches by one writer.
//
// Used by rocksdb_store.cc only, so that RocksDB's headers stay in few files.

#include <memory>

#include <rocksdb/options.h>

#include "base/result.h"
#include "engine_rocksdb/rocksdb_store.h"

namespace quorate::engine_rocksdb {

/// RocksDB slows writes down at kSlowdownFiles; the store says stalled() at kPushBackFiles already.
inline constexpr int kPushBackFiles = 24;  ///< files in level 0
inline constexpr int kSlowdownFiles = 64;
inline constexpr int kStopFiles = 128;
inline constexpr int kPushBackMemtables = 3;  ///< memtables that wait for their flush
inline constexpr int kMostMemtables = 8;

[[nodiscard]] rocksdb::Options make_rocksdb_options(const EngineOptions& options);

/// RocksDB's refusal as an error; `what` is what was tried.
[[nodiscard]] Error engine_error(const char* what, const rocksdb::Status& status);

}  // namespace quorate::engine_rocksdb
