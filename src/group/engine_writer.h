#pragma once
// Brings what the replicas of a node have executed into the record store, and makes it durable, behind the replies.
//
// The order that keeps data (DESIGN section 5): log durable >= engine written >= engine durable >= log discarded.
// Invariants: 1. a replica's records are written only up to what its log has durable. 2. its log is discarded only up
//                to what a completed flush contains. 3. a replica is touched only while it has something to write,
//                flush or discard: an idle group costs nothing and pins nothing.
// Owned by the host, on the node's loop. A failure is reported once and ends all work.

#include <vector>

#include "base/callback.h"
#include "base/result.h"
#include "base/trace.h"
#include "env/clock.h"
#include "env/loop.h"
#include "env/record_store.h"
#include "storage/log.h"

namespace quorate::group {

/// A replica as the engine writer sees it.
class EngineClient {
 public:
  virtual ~EngineClient() = default;
  [[nodiscard]] virtual Position executed() const = 0;
  /// How far its records may be written now: executed, and durable in the log.
  [[nodiscard]] virtual Position writable() const = 0;
  /// Moves the records up to `limit` to `batch`.
  virtual void collect(Position limit, env::RecordBatch& batch) = 0;
  /// The engine has been given everything up to `account.written`.
  virtual void on_written() = 0;
  /// The engine has everything up to `durable` for good: the log may be discarded so far. Returns true when nothing
  /// is left to discard.
  [[nodiscard]] virtual bool discard(Position durable) = 0;

  /// The writer's own account of this client.
  struct Account {
    Position written;
    Position flushing;  ///< `written` when the running flush began
    Position durable;
    bool waits_write = false;  ///< in the writer's list of those with records to write
    bool waits_flush = false;  ///< in the list of those with records to flush, or a log to discard
  } account;
};

struct EngineWriterConfig {
  Duration write_interval = std::chrono::milliseconds(5);
  Duration flush_interval = std::chrono::milliseconds(5000);
  std::uint64_t flush_after_log_bytes = 256U << 20;  ///< written to the log since the last flush: flush early
};

class EngineWriter {
 public:
  EngineWriter(EngineWriterConfig config, env::Clock& clock, env::Loop& loop, env::RecordStore& records,
               const storage::Log& log, TraceSink& traces, Callback<const Error&> failed);
  ~EngineWriter() { stop(); }
  EngineWriter(const EngineWriter&) = delete;
  EngineWriter& operator=(const EngineWriter&) = delete;

  /// The client's records are in the engine and durable up to `recovered`; to be called before anything else.
  void add(EngineClient& client, Position recovered);
  /// The client has executed something.
  void on_executed(EngineClient& client);
  void stop();

 private:
  void on_write_due(std::uint64_t);
  void on_flush_due(std::uint64_t);
  void on_flushed(std::uint64_t, Status flushed);
  void write();
  void start_flush();
  void wait_flush(EngineClient& client);
  void arm_write();
  void arm_flush();
  void fail(const Error& why);

  EngineWriterConfig config_;
  env::Clock& clock_;
  env::Loop& loop_;
  env::RecordStore& records_;
  const storage::Log& log_;
  TraceSink& traces_;
  Callback<const Error&> failed_;
  std::vector<EngineClient*> to_write_;
  std::vector<EngineClient*> to_flush_;
  std::vector<EngineClient*> round_;  ///< memory used again
  env::TimerId write_timer_ = 0;
  env::TimerId flush_timer_ = 0;
  bool flush_runs_ = false;
  bool stopped_ = false;
  std::uint64_t log_bytes_at_flush_ = 0;
};

}  // namespace quorate::group
