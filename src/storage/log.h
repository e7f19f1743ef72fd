#pragma once
// The write-ahead log of a node, shared by all its groups.
//
// Invariants: 1. one Persist is one frame: after a crash a group has a prefix of its Persists that contains every
//                confirmed one. 2. everything appended while a sync runs is the next batch: one write, one sync.
//             3. a frame's checksum covers log, segment and place, so old bytes of a recycled segment never parse.
//             4. a failed write is never retried: on_log_failed is told and nothing is confirmed any more.
//             5. nothing that is still needed lies in a segment that is used again.
// Owned by the node's host, on the loop. Format: docs/formats/log.md.

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/callback.h"
#include "base/ids.h"
#include "base/result.h"
#include "base/time.h"
#include "env/clock.h"
#include "env/entropy.h"
#include "env/files.h"
#include "env/loop.h"

namespace quorate::storage {

/// One entry as the log knows it. `kind` is the owner's; storage knows no protocol.
struct LogEntry {
  EntryId id;
  std::uint8_t kind = 0;
  Buffer payload;
};

/// One operation of a frame; mirrors the contract's PersistOp without knowing it.
struct LogOp {
  enum class Kind : std::uint8_t {
    set_state = 1,      ///< blob
    put = 2,            ///< entry
    truncate_from = 3,  ///< id.position
    discard_below = 4,  ///< id: the log starts behind it; blob = owner's bytes (membership); generation: none keeps it
    reset_to = 5,       ///< id, generation; blob = owner's bytes (membership)
    set_cell = 6,       ///< key, blob
    restore_base = 7,   ///< as reset_to, but keeps the entries: only the log itself writes it, to move old records
  };
  Kind kind = Kind::set_state;
  LogEntry entry;  ///< put: whole; truncate/discard/reset: entry.id
  Generation generation;
  Buffer key;
  Buffer blob;
};

/// What the log holds of one group after recovery.
struct RecoveredGroup {
  GroupId group;
  Buffer state;
  EntryId discarded;              ///< none: from the beginning
  Buffer discarded_blob;          ///< the owner's bytes given with it
  Generation generation;          ///< none: never reset
  std::vector<LogEntry> entries;  ///< rising positions; payloads of all kinds
  std::vector<std::pair<Buffer, Buffer>> cells;
  std::vector<Position> unreadable;  ///< of `entries`: the payload is damaged, and empty here
  /// Frames were lost that may have been the group's: there are no entries here, and `discarded` is an old one.
  bool log_lost = false;
  bool state_lost = false;  ///< likewise: there may have been a later state, and cells
  EntryId lost_end;         ///< with log_lost: the latest entry that is known to have been there
};

struct Recovery {
  std::vector<RecoveredGroup> groups;  ///< by group id
  /// The last batch was complete but damaged: its content was possibly confirmed. Replicas must ask others. Reported
  /// again by every recovery until tail_settled().
  bool uncertain_tail = false;
  std::uint64_t frames = 0;
  std::uint64_t torn_bytes = 0;  ///< cut from the tail: an incomplete last frame
  /// Damage below what was durable, for people: file, offset, what is wrong. Groups that it touches say so.
  std::vector<std::string> damage;
  /// Of a group that is not in `groups` everything may be lost.
  bool lost_frames = false;
};

struct LogOptions {
  std::uint64_t segment_bytes = 64ULL << 20;
  std::uint32_t spare_segments = 1;            ///< prepared ahead
  std::uint64_t max_batch_bytes = 8ULL << 20;  ///< of one write; more waits for the next
  std::uint64_t cache_bytes = 64ULL << 20;     ///< payloads kept in memory; older ones are read from the segments
  std::uint32_t rewrite_from_segments = 4;     ///< with so many live segments, few old records are moved to the head
  Duration idle_mark_after = std::chrono::milliseconds(200);  ///< quiet time before the mark that seals the last batch
  /// A log that is damaged below what was durable opens, for replicas that can be repaired from others. Else it does
  /// not.
  bool open_damaged = true;
};

/// Counters for metrics and for tests of counts.
struct LogStats {
  std::uint64_t syncs = 0;
  std::uint64_t frames = 0;
  std::uint64_t bytes_written = 0;
  std::uint64_t live_segments = 0;
  std::uint64_t recycled_segments = 0;
  std::uint64_t rewritten_bytes = 0;
};

/// Receives confirmations on the loop.
class LogEvents {
 public:
  virtual ~LogEvents() = default;
  /// Every frame of `group` up to and including `io` is durable.
  virtual void on_durable(GroupId group, Io io) = 0;
  /// The log can no longer be written; nothing more will be confirmed.
  virtual void on_log_failed(const Error& error) = 0;
};

class Log {
 public:
  /// Blocking: opens or creates the log in `directory` and recovers it. Damage below the last offset known durable is
  /// in `recovery`, or ErrorCode::corrupt if no part of the log can be trusted or the options say so; a newer format is
  /// ErrorCode::newer_format: the node stops and says why.
  /// The references outlive the log. `entropy` gives a new log its identity and is used for nothing else.
  [[nodiscard]] static Result<std::unique_ptr<Log>> open(env::FileSystem& files, env::Loop& loop, env::Clock& clock,
                                                         env::Entropy& entropy, std::string directory,
                                                         LogOptions options, Recovery& recovery);
  virtual ~Log() = default;

  virtual void set_events(LogEvents* events) = 0;

  /// Adds one frame. It is written at the end of this turn or, while a sync runs, with the next batch.
  virtual void append(GroupId group, Io io, std::vector<LogOp> ops) = 0;

  /// The tag of a position, if the log (durable or not) has it.
  [[nodiscard]] virtual std::optional<Tag> tag_of(GroupId group, Position position) const = 0;

  /// Where a tail of the group's log begins that has at most `max_entries` entries and about `max_bytes` of payloads;
  /// behind the last entry if none fits.
  [[nodiscard]] virtual Position tail_begin(GroupId group, std::uint64_t max_entries,
                                            std::uint64_t max_bytes) const = 0;

  /// The entries [first, last] as far as memory has them from `first` on, at most `max_bytes` of payload but at
  /// least one entry. Appends to `out`; returns false if `first` is not in memory: use fetch().
  [[nodiscard]] virtual bool cached(GroupId group, Position first, Position last, std::size_t max_bytes,
                                    std::vector<LogEntry>& out) const = 0;
  /// Brings entries from `first` on (at most `max_bytes`) back into memory; then calls `done` on the loop.
  virtual void fetch(GroupId group, Position first, Position last, std::size_t max_bytes, Callback<Status> done) = 0;

  /// The log has this entry, and `payload` has the size and the checksum that it was written with.
  [[nodiscard]] virtual bool is_payload_of(GroupId group, EntryId id, ByteView payload) const = 0;

  /// Reads the payloads of all entries that the disk holds again, slowly, and compares checksums; then calls `done` on
  /// the loop: ErrorCode::corrupt names the place. One at a time.
  virtual void verify(Callback<Status> done) = 0;

  /// Every replica has asked the others about an uncertain tail: later recoveries do not report it again.
  virtual void tail_settled() = 0;
  /// What recovery said of damage does not hang on the damaged places any more: whoever lost something has written so.
  /// Until then no segment from the first damaged one on is given up, and nothing in it is moved: the next recovery
  /// must find what this one has found.
  virtual void damage_noted() = 0;

  /// Frames that were added, what recovery read included; and how many of these, the first ones, are durable.
  [[nodiscard]] virtual std::uint64_t added_frames() const = 0;
  [[nodiscard]] virtual std::uint64_t durable_frames() const = 0;
  /// Bytes queued and not yet durable: the host pushes back above a bound.
  [[nodiscard]] virtual std::size_t unsynced_bytes() const = 0;
  [[nodiscard]] virtual const LogStats& stats() const = 0;
};

}  // namespace quorate::storage
