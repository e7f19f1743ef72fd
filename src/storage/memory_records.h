#pragma once
// The records of an in-memory engine: an ordered map that outlives the lives of a simulated node.
//
// Invariants: 1. crash(n) leaves exactly the flushed batches and the first n batches behind them. 2. an open cursor
// sees the records as they were when it was opened. 3. one map holds everything; an unflushed batch costs only what
// it overwrote, so thousands of stores are cheap.
// Single-threaded. Owned by the simulator or a test; MemoryRecordStore is the engine of one life over it.

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "base/bytes.h"
#include "env/record_store.h"

namespace quorate::storage {

class MemoryRecords {
 public:
  MemoryRecords() = default;
  ~MemoryRecords();
  MemoryRecords(const MemoryRecords&) = delete;
  MemoryRecords& operator=(const MemoryRecords&) = delete;

  [[nodiscard]] std::optional<Buffer> find(ByteView key) const;
  void apply(const env::RecordBatch& batch);
  /// The records with from <= key < to, as they are now. Must be destroyed before the records.
  [[nodiscard]] std::unique_ptr<env::RecordCursor> scan(ByteView from, ByteView to);

  /// Batches applied since the beginning.
  [[nodiscard]] std::uint64_t applied() const { return applied_; }
  /// Batches applied and not flushed: what a crash may take.
  [[nodiscard]] std::size_t unflushed() const { return undo_.size(); }
  /// The first `batches` batches since the beginning are durable.
  void set_flushed(std::uint64_t batches);
  /// Takes back all but the first `surviving` unflushed batches; what is left is durable. No cursor may be open.
  void crash(std::size_t surviving);

  /// The same records, all of them durable.
  [[nodiscard]] std::unique_ptr<MemoryRecords> copy() const;

  [[nodiscard]] std::uint64_t bytes() const { return bytes_; }
  [[nodiscard]] std::size_t count() const { return records_.size(); }

 private:
  class Cursor;
  struct Less {
    using is_transparent = void;
    bool operator()(const Buffer& a, const Buffer& b) const { return a.view() < b.view(); }
    bool operator()(const Buffer& a, ByteView b) const { return a.view() < b; }
    bool operator()(ByteView a, const Buffer& b) const { return a < b.view(); }
  };
  using Map = std::map<Buffer, Buffer, Less>;
  /// What a batch overwrote, in order: key and value before; nullopt: there was none.
  using Undo = std::vector<std::pair<Buffer, std::optional<Buffer>>>;

  void put(const Buffer& key, const Buffer& value, Undo& undo);
  Map::iterator erase(Map::iterator record, Undo& undo);
  void tell_cursors(const Buffer& key, const std::optional<Buffer>& before);

  Map records_;
  std::deque<Undo> undo_;  ///< one per unflushed batch, oldest first
  std::vector<Cursor*> cursors_;
  std::uint64_t applied_ = 0;
  std::uint64_t bytes_ = 0;
};

}  // namespace quorate::storage
