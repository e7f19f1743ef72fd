#pragma once
// All that a state machine knows of a storage engine: an ordered map from bytes to bytes.
//
// Invariants: 1. a batch is applied whole or not at all. 2. After a crash the store holds a prefix of its batches,
// which contains every batch up to the last completed flush. 3. Reads see every batch written before them.
// Keys of state machines begin with (group, generation), big-endian, made by storage's owner.
// Single-threaded: the engine runs its own threads behind the adapter and calls back on the loop.

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/callback.h"
#include "base/result.h"

namespace quorate::env {

/// Changes that are applied together, in order.
struct RecordBatch {
  struct Op {
    enum class Kind : std::uint8_t { put, erase, erase_range };
    Kind kind = Kind::put;
    Buffer key;    ///< erase_range: its first key
    Buffer value;  ///< erase_range: the first key behind it
  };
  std::vector<Op> ops;

  void put(Buffer key, Buffer value) { ops.push_back({Op::Kind::put, std::move(key), std::move(value)}); }
  void erase(Buffer key) { ops.push_back({Op::Kind::erase, std::move(key), {}}); }
  void erase_range(Buffer from, Buffer to) { ops.push_back({Op::Kind::erase_range, std::move(from), std::move(to)}); }
  [[nodiscard]] bool empty() const { return ops.empty(); }
};

/// The outcome of a read that must not wait: the value, "no such record", or "ask again after the callback".
struct Lookup {
  enum class State : std::uint8_t { value, absent, pending };
  State state = State::absent;
  Buffer value;
};

/// A position in a pinned, ordered view. May block on the disk: for recovery, background work and reader threads.
class RecordCursor {
 public:
  virtual ~RecordCursor() = default;
  /// To be asked before anything else.
  [[nodiscard]] virtual bool valid() const = 0;
  [[nodiscard]] virtual ByteView key() const = 0;    ///< valid until next()
  [[nodiscard]] virtual ByteView value() const = 0;  ///< valid until next()
  virtual void next() = 0;
  /// Set if the scan ended early because of a damaged or unreadable record.
  [[nodiscard]] virtual Status status() const = 0;
};

/// Consecutive records of a cursor: their keys and values one behind the other in `bytes`.
struct RecordPage {
  struct Sizes {
    std::uint32_t key = 0;
    std::uint32_t value = 0;
  };
  std::string bytes;
  std::vector<Sizes> sizes;
  bool is_last = false;  ///< the cursor has no more
};

/// Moves records from the cursor until they make up about `max_bytes` (at least one). May block.
[[nodiscard]] inline Result<RecordPage> read_page(RecordCursor& cursor, std::size_t max_bytes) {
  RecordPage page;
  for (; cursor.valid() && (page.sizes.empty() || page.bytes.size() < max_bytes); cursor.next()) {
    const ByteView key = cursor.key();
    const ByteView value = cursor.value();
    page.sizes.push_back({static_cast<std::uint32_t>(key.size()), static_cast<std::uint32_t>(value.size())});
    page.bytes.append(key);
    page.bytes.append(value);
  }
  page.is_last = !cursor.valid();
  if (const Status status = cursor.status(); !status) {
    return std::unexpected(status.error());
  }
  return page;
}

class RecordStore {
 public:
  virtual ~RecordStore() = default;

  /// Never waits for a disk. On `pending` the record is being fetched; `ready` is called on the loop when asking
  /// again will answer. `ready` must be set; it is not called for other outcomes.
  [[nodiscard]] virtual Lookup get(ByteView key, Callback<> ready) = 0;
  /// Blocking read, for recovery.
  [[nodiscard]] virtual Result<std::optional<Buffer>> get_blocking(ByteView key) = 0;
  /// The records with from <= key < to, as they are now; later batches do not show.
  [[nodiscard]] virtual std::unique_ptr<RecordCursor> scan(ByteView from, ByteView to) = 0;

  /// The next page of the cursor, read off the loop; then calls `done` on the loop, in a later turn. Until then the
  /// cursor is the store's.
  virtual void read_page_async(std::shared_ptr<RecordCursor> cursor, std::size_t max_bytes,
                               Callback<Result<RecordPage>> done) = 0;

  /// Applies the batch in memory; durable after a later flush. Fails only when the engine cannot go on.
  [[nodiscard]] virtual Status write(RecordBatch batch) = 0;
  /// Makes everything written before the call durable, off the loop; then calls `done` on the loop.
  virtual void flush(Callback<Status> done) = 0;
  /// Reads everything that is on the disk again, slowly and off the loop, and compares checksums; then calls `done` on
  /// the loop: ErrorCode::corrupt says where they differ. One at a time. A store without a disk has nothing to read.
  virtual void verify(Callback<Status> done) { done(Status()); }
  /// True while the engine cannot keep up: callers push back on new proposals.
  [[nodiscard]] virtual bool stalled() const = 0;
  /// Bytes on disk, for quotas and status: an estimate.
  [[nodiscard]] virtual std::uint64_t size_bytes() const = 0;
};

}  // namespace quorate::env
