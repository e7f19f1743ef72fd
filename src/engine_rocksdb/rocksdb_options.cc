#include "engine_rocksdb/rocksdb_options.h"

#include <algorithm>
#include <string>
#include <vector>

#include <rocksdb/cache.h>
#include <rocksdb/convenience.h>
#include <rocksdb/filter_policy.h>
#include <rocksdb/table.h>

namespace quorate::engine_rocksdb {
namespace {

rocksdb::CompressionType light_compression() {
  const std::vector<rocksdb::CompressionType> all = rocksdb::GetSupportedCompressions();
  return std::ranges::find(all, rocksdb::kLZ4Compression) != all.end() ? rocksdb::kLZ4Compression
                                                                       : rocksdb::kNoCompression;
}

rocksdb::BlockBasedTableOptions table_options(const EngineOptions& options) {
  rocksdb::BlockBasedTableOptions table;
  table.block_cache = rocksdb::NewLRUCache(options.block_cache_bytes);
  table.block_size = 16U << 10;
  table.format_version = 5;
  table.filter_policy.reset(rocksdb::NewBloomFilterPolicy(10));
  // Indexes and filters of open tables stay in memory: a lookup on the loop then needs only the data block.
  table.cache_index_and_filter_blocks = false;
  return table;
}

}  // namespace

rocksdb::Options make_rocksdb_options(const EngineOptions& options) {
  rocksdb::Options out;
  out.create_if_missing = true;
  out.paranoid_checks = true;
  out.atomic_flush = true;
  out.avoid_flush_during_shutdown = options.lose_unflushed_on_close;
  out.max_background_jobs = options.background_jobs;
  out.max_open_files = -1;

  out.write_buffer_size = options.memtable_bytes;
  out.max_write_buffer_number = kMostMemtables;
  out.allow_concurrent_memtable_write = false;  // there is one writer
  out.level0_file_num_compaction_trigger = 4;
  out.level0_slowdown_writes_trigger = kSlowdownFiles;
  out.level0_stop_writes_trigger = kStopFiles;
  out.soft_pending_compaction_bytes_limit = 0;  // the files of level 0 tell early enough
  out.hard_pending_compaction_bytes_limit = 0;

  // Rising keys make files that do not overlap: they move down a level without being rewritten.
  out.compaction_style = rocksdb::kCompactionStyleLevel;
  out.level_compaction_dynamic_level_bytes = true;
  out.target_file_size_base = options.memtable_bytes;
  out.max_bytes_for_level_base = 4 * options.memtable_bytes;
  out.bytes_per_sync = 1U << 20;  // write-back in small steps: the log's syncs share the disk
  out.compression = light_compression();
  out.optimize_filters_for_hits = true;  // nearly every key that is asked for exists
  out.table_factory.reset(rocksdb::NewBlockBasedTableFactory(table_options(options)));

  out.info_log_level = rocksdb::WARN_LEVEL;
  out.keep_log_file_num = 2;
  out.max_log_file_size = 4U << 20;
  out.stats_dump_period_sec = 0;
  return out;
}

Error engine_error(const char* what, const rocksdb::Status& status) {
  const ErrorCode code = status.IsCorruption() ? ErrorCode::corrupt
                         : status.IsNoSpace()  ? ErrorCode::no_space
                         : status.IsBusy()     ? ErrorCode::busy
                                               : ErrorCode::io;
  return {code, "the record store cannot " + std::string(what) + ": " + status.ToString()};
}

}  // namespace quorate::engine_rocksdb
