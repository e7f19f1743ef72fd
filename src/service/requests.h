#pragma once
// The requests that wait for an answer: pooled slots, found by number without searching, with their deadlines in a
// wheel of buckets.
//
// Invariants: 1. a number is given once in a life of the service: an answer for an earlier user of a slot finds
//                nothing. 2. requests and bytes are bounded. 3. take_due() yields a request at most kBucket after its
//                deadline, never before.
// Owned by the group's service, on the loop. Memory of slots is used again.

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <vector>

#include "base/bytes.h"
#include "base/ids.h"
#include "base/time.h"
#include "service/kv_service.h"
#include "state/kv/command.h"

namespace quorate::service {

/// What a request is; tells who works on it.
enum class RequestKind : std::uint8_t {
  write,  ///< `command` says which; goes through the log
  range,
  read_txn,
  hash_kv,
  barrier,     ///< a read round without a read
  keep_alive,  ///< for the leader, as is time_to_live
  time_to_live,
  hand_over,      ///< of leadership, to `asked`
  member_change,  ///< for the leader
};

enum class Stage : std::uint8_t {
  free,
  waiting,    ///< nothing was placed: for a leader, a link or room
  proposed,   ///< given to this replica's core
  forwarded,  ///< given to the leader's service: may be placed
  unknown,    ///< may have been placed: only execution or the deadline ends it
  reading,    ///< in a read round
  fetching,   ///< the store fetches records
  executed,   ///< a physical compaction that waits for the removal
  answered,   ///< the answer leaves at the end of the turn
};

struct Request {
  Ticket number = 0;  ///< 0: the slot is free
  RequestKind kind = RequestKind::write;
  Stage stage = Stage::free;
  kv::CommandKind command = kv::CommandKind::put;
  bool local_only = false;  ///< a write that only this leader may propose (expiry)
  bool was_busy = false;    ///< the last refusal said: no room
  bool is_serializable = false;
  bool had_happened = false;  ///< a member change: it was so before it was forwarded
  bool is_queued = false;     ///< in a list of waiting ones: stays there until looked at
  Buffer bytes;               ///< the client's message
  AnswerTo to;                ///< none for a remote question
  Instant began;
  Instant deadline;
  std::int64_t revision = 0;  ///< for the header, where it is taken before the work
  Context context;            ///< of the present proposal
  std::uint64_t attempt = 0;  ///< of forwarding; answers to earlier ones are ignored
  NodeId asked;               ///< the leader it was forwarded to, and when
  Instant tried;
  Tag term;  ///< local_only: the only term in which it may be proposed
  // A question that another node's service forwarded here.
  NodeId origin;
  Incarnation origin_life;
  std::uint64_t origin_number = 0;
  std::uint64_t origin_attempt = 0;
  Answer result;  ///< stages executed and answered

 private:
  friend class RequestTable;
  std::uint32_t next = 0;  ///< in its bucket, or in the list of free slots; 0: none
  std::uint32_t previous = 0;
  std::uint32_t bucket = 0;  ///< plus one; 0: in none
};

class RequestTable {
 public:
  static constexpr Duration kBucket = std::chrono::milliseconds(16);
  static constexpr std::uint32_t kBuckets = 512;
  static constexpr std::uint32_t kSlotBits = 20;  ///< a number is a rising sequence and the slot

  RequestTable(std::size_t max_requests, std::size_t max_bytes) : max_requests_(max_requests), max_bytes_(max_bytes) {}

  /// Takes a slot; null if there is no room. `is_internal`: the service's own, always taken. A deadline of
  /// Instant::max() never comes. The pointer stays valid until release().
  [[nodiscard]] Request* add(RequestKind kind, Buffer bytes, Instant began, Instant deadline, bool is_internal);
  [[nodiscard]] Request* find(Ticket number);
  [[nodiscard]] const Request* find(Ticket number) const;
  /// The same, unless its answer is on the way.
  [[nodiscard]] Request* find_waiting(Ticket number);
  /// The request whose present proposal has this context.
  [[nodiscard]] Request* find_proposal(Context context);
  /// Ends the wait: no deadline, no bytes, stage answered. The slot stays taken until release().
  void settle(Request& request);
  void release(Request& request);

  /// A new name for a proposal of `request`; or for something else than a request.
  [[nodiscard]] Context new_context(const Request& request);
  [[nodiscard]] Context new_context();
  [[nodiscard]] std::uint64_t new_attempt() { return ++last_attempt_; }

  /// Appends the numbers of requests whose deadline has come, in order of their deadlines' buckets.
  void take_due(Instant now, std::vector<Ticket>& due);
  /// When take_due() should be called next, or earlier; none if no request has a deadline.
  [[nodiscard]] std::optional<Instant> next_due() const {
    return timed_ == 0 ? std::nullopt : std::optional<Instant>(earliest_);
  }
  /// All live numbers in order of their making.
  [[nodiscard]] std::vector<Ticket> all() const;

  [[nodiscard]] std::size_t size() const { return live_; }
  [[nodiscard]] std::size_t bytes() const { return bytes_; }

 private:
  [[nodiscard]] std::uint32_t slot_of(std::uint64_t number) const { return number & ((1U << kSlotBits) - 1); }
  [[nodiscard]] static std::int64_t tick_of(Instant time) { return time.time_since_epoch() / kBucket; }
  [[nodiscard]] Instant first_bucket_end() const;
  void link(std::uint32_t slot);
  void unlink(std::uint32_t slot);

  const std::size_t max_requests_;
  const std::size_t max_bytes_;
  std::deque<Request> slots_{1};  ///< slot 0 is never used
  std::uint32_t free_ = 0;
  std::size_t live_ = 0;
  std::size_t bytes_ = 0;
  std::uint64_t sequence_ = 0;
  std::uint64_t last_attempt_ = 0;
  std::vector<std::uint32_t> buckets_;  ///< first slot of each; made with the first request
  std::size_t timed_ = 0;               ///< requests in buckets
  std::int64_t looked_until_ = 0;       ///< every tick before it was emptied of what was due
  Instant earliest_ = Instant::max();   ///< no bucket is due before it
};

}  // namespace quorate::service
