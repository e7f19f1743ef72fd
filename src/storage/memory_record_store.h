#pragma once
// The engine of the simulator and of tests: a RecordStore over MemoryRecords for one life of a node.
//
// Invariants: those of env/record_store.h; flushes complete in order. What a crash leaves is chosen by the owner of
// the MemoryRecords (crash()). Behaviour may change at any time; zero means "always at once".
// Owned by the node's world, on the node's loop; destroyed with the life, without calling anybody back.

#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <string>

#include "base/time.h"
#include "env/clock.h"
#include "env/entropy.h"
#include "env/loop.h"
#include "env/record_store.h"
#include "storage/memory_records.h"

namespace quorate::storage {

/// How the engine treats its user.
struct MemoryStoreBehaviour {
  std::uint64_t pending_per_million = 0;  ///< lookups that must be asked again
  Duration lookup_delay{};                ///< until such a lookup is ready; at most
  Duration flush_delay{};                 ///< of each flush; at most
  std::uint64_t fail_flushes_per_million = 0;
  bool stalled = false;
};

struct MemoryStoreCounters {
  std::uint64_t pending_lookups = 0;
  std::uint64_t flushes = 0;
  std::uint64_t failed_flushes = 0;
};

class MemoryRecordStore final : public env::RecordStore {
 public:
  MemoryRecordStore(MemoryRecords& records, env::Loop& loop, env::Clock& clock, env::Entropy& entropy)
      : records_(records), loop_(loop), clock_(clock), entropy_(entropy) {}
  ~MemoryRecordStore() override;
  MemoryRecordStore(const MemoryRecordStore&) = delete;
  MemoryRecordStore& operator=(const MemoryRecordStore&) = delete;

  [[nodiscard]] env::Lookup get(ByteView key, Callback<> ready) override;
  [[nodiscard]] Result<std::optional<Buffer>> get_blocking(ByteView key) override;
  [[nodiscard]] std::unique_ptr<env::RecordCursor> scan(ByteView from, ByteView to) override;
  void read_page_async(std::shared_ptr<env::RecordCursor> cursor, std::size_t max_bytes,
                       Callback<Result<env::RecordPage>> done) override;
  [[nodiscard]] Status write(env::RecordBatch batch) override;
  void flush(Callback<Status> done) override;
  [[nodiscard]] bool stalled() const override { return behaviour.stalled; }
  [[nodiscard]] std::uint64_t size_bytes() const override { return records_.bytes(); }

  MemoryStoreBehaviour behaviour;
  MemoryStoreCounters counters;

 private:
  struct Fetch {
    std::string key;
    Callback<> ready;
    env::TimerId timer = 0;
  };
  struct PageRead {
    std::shared_ptr<env::RecordCursor> cursor;
    std::size_t max_bytes = 0;
    Callback<Result<env::RecordPage>> done;
    env::TimerId timer = 0;
  };
  struct Flush {
    std::uint64_t batches = 0;
    Callback<Status> done;
    env::TimerId timer = 0;
    Instant due;
  };

  void on_fetched(std::uint64_t token);
  void on_page_due(std::uint64_t token);
  void on_flushed(std::uint64_t token);
  [[nodiscard]] bool happens(std::uint64_t per_million) {
    return per_million != 0 && entropy_.between(0, 999'999) < per_million;
  }
  [[nodiscard]] Duration up_to(Duration most) {
    return most.count() == 0 ? most : Duration(entropy_.between(0, static_cast<std::uint64_t>(most.count())));
  }

  MemoryRecords& records_;
  env::Loop& loop_;
  env::Clock& clock_;
  env::Entropy& entropy_;
  std::uint64_t last_token_ = 0;
  std::map<std::uint64_t, Fetch> fetches_;
  std::map<std::uint64_t, PageRead> page_reads_;
  std::map<std::uint64_t, Flush> flushes_;
  std::set<std::string, std::less<>> fetched_;  ///< keys whose next lookup answers
};

}  // namespace quorate::storage
