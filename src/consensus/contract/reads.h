#pragma once
// Linearizable reads by rounds (Ongaro's thesis, 6.4), as two queues: of a leader, whose reads wait until a round that
// began after them is confirmed, and of any other replica, which asks the leader.
//
// Invariants: 1. a read's position was taken when its round began, never before the read came. 2. reads that come while
//                a round is under way share the next. 3. an answer serves every earlier read of the same life.
// Values inside a core; they emit nothing.

#include <cstdint>
#include <optional>
#include <vector>

#include "base/fifo.h"
#include "base/hash.h"
#include "base/ids.h"

namespace quorate::consensus {

/// Of one replica. Each read stands for all of a turn, so more is a flood.
inline constexpr std::size_t kMaxWaitingReads = 4096;

/// At a leader: its own reads and those of the others.
class ReadQueue {
 public:
  struct Read {
    NodeId from;
    Context context;           ///< of an own read
    Incarnation life;          ///< of another's read
    std::uint64_t number = 0;  ///< of another's read
    std::uint64_t round = 0;   ///< that confirms it; 0: not begun
    Position position;         ///< what the answer must include; set when the round begins
  };

  [[nodiscard]] bool is_full() const { return reads_.size() >= kMaxWaitingReads; }
  [[nodiscard]] bool is_empty() const { return reads_.empty(); }
  [[nodiscard]] std::size_t size() const { return reads_.size(); }
  /// The round that the oldest read waits for; 0: none has begun.
  [[nodiscard]] std::uint64_t round() const { return reads_.empty() ? 0 : reads_.front().round; }
  void add(Read read) { reads_.push_back(read); }
  /// Every read that waits joins `round`, which starts now.
  void begin(std::uint64_t round, Position position);
  /// The oldest read, if `confirmed` covers its round.
  [[nodiscard]] std::optional<Read> take_confirmed(std::uint64_t confirmed);
  [[nodiscard]] std::vector<Read> take_all();
  void hash_into(Hasher& hasher) const;

 private:
  Fifo<Read> reads_;  ///< begun ones first
};

/// At any other replica: what was asked of the leader, numbered per life.
class ForwardedReads {
 public:
  [[nodiscard]] bool is_full() const { return reads_.size() >= kMaxWaitingReads; }
  /// The number to ask with.
  [[nodiscard]] std::uint64_t add(Context context);
  [[nodiscard]] std::uint64_t last_number() const { return last_number_; }
  /// The reads that an answer to `number` is for.
  [[nodiscard]] std::vector<Context> take_up_to(std::uint64_t number);
  [[nodiscard]] std::vector<Context> take_all() { return take_up_to(last_number_); }
  /// Called at regular intervals. True if the oldest read waits since before the last call: question or answer may have
  /// been lost, and asking with last_number() answers all at once.
  [[nodiscard]] bool must_ask_again();
  void hash_into(Hasher& hasher) const;

 private:
  struct Read {
    Context context;
    std::uint64_t number = 0;
  };
  Fifo<Read> reads_;
  std::uint64_t last_number_ = 0;
  std::uint64_t old_up_to_ = 0;
};

}  // namespace quorate::consensus
