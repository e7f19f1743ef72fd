#pragma once
// What the log holds of every group, in memory: the same whether it was appended or recovered.
//
// Invariants: 1. applying the frames of the log in order gives this index. 2. the payloads in memory take at most
// cache_bytes, plus what is not durable yet and what was just fetched. 3. liveness counts each record once, in the
// frame that wrote it last.
// Owned by the log, on its loop.

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/ids.h"
#include "storage/entry_window.h"
#include "storage/liveness.h"
#include "storage/log.h"

namespace quorate::storage {

/// One read that brings payloads back: a range of one segment and the entries in it.
struct FetchPlan {
  struct Item {
    Position position;
    std::uint64_t serial = 0;
    std::uint32_t offset = 0;  ///< from the range's beginning
    std::uint32_t size = 0;
    std::uint32_t checksum = 0;
  };
  std::uint64_t sequence = 0;
  std::uint64_t offset = 0;
  std::uint64_t size = 0;
  std::vector<Item> items;  ///< empty: nothing to read
  bool damaged = false;     ///< nothing to read, since the first entry's payload is known to be damaged
};

/// Records of one group to be written again at the head of the log.
struct RewritePlan {
  GroupId group;
  std::vector<LogOp> ops;
  std::uint64_t bytes = 0;
  std::optional<Position> missing;  ///< this payload must be fetched first; `ops` is empty
};

class LogIndex {
 public:
  LogIndex(Liveness& liveness, std::uint64_t cache_bytes) : liveness_(liveness), cache_bytes_(cache_bytes) {}

  /// Applies one frame. `checksums` has one value per put, in order.
  void apply(GroupId group, const std::vector<LogOp>& ops, std::uint64_t serial,
             std::span<const std::uint32_t> checksums);
  /// The payload of this put now has a place in its segment.
  void place(GroupId group, Position position, std::uint64_t serial, std::uint32_t offset);
  /// The payload of this put was found damaged: it is forgotten, and never given to anybody.
  void mark_damaged(GroupId group, Position position, std::uint64_t serial);
  /// Frees the oldest payloads above the bound, of frames up to `durable`.
  void evict(std::uint64_t durable);

  [[nodiscard]] Generation generation_of(GroupId group) const;
  [[nodiscard]] std::optional<Tag> tag_of(GroupId group, Position position) const;
  [[nodiscard]] bool is_payload_of(GroupId group, EntryId id, ByteView payload) const;
  [[nodiscard]] Position tail_begin(GroupId group, std::uint64_t max_entries, std::uint64_t max_bytes) const;
  [[nodiscard]] bool cached(GroupId group, Position first, Position last, std::size_t max_bytes,
                            std::vector<LogEntry>& out) const;
  /// One read for the first run of entries from `first` on that are not in memory. At most about `max_bytes`, but
  /// at least one entry.
  [[nodiscard]] FetchPlan plan_fetch(GroupId group, Position first, Position last, std::size_t max_bytes) const;
  /// One read of about `max_bytes` for payloads behind `behind`, of that group or the next ones, that frames up to
  /// `durable` hold, whether in memory or not. The next read goes on behind `last`; none: there are no more.
  struct CheckPlan {
    FetchPlan read;
    std::optional<std::pair<GroupId, Position>> last;
  };
  [[nodiscard]] CheckPlan plan_check(std::pair<GroupId, Position> behind, std::size_t max_bytes,
                                     std::uint64_t durable) const;
  /// A payload came back. Ignored if the entry was replaced meanwhile.
  void install(GroupId group, Position position, std::uint64_t serial, Buffer payload);

  /// The records in frames with serials below `serial`, of the first group from `from` on that has any.
  [[nodiscard]] std::optional<RewritePlan> plan_rewrite(GroupId from, std::uint64_t serial) const;

  /// What of a group no frame in front of `serial` can have a say in.
  struct Behind {
    bool state = false;  ///< it was written since, and so was the cell without a key, in which the runtime notes losses
    bool log = false;    ///< it was emptied since; entries may have been written again, and say nothing of others
  };
  [[nodiscard]] Behind stands_behind(GroupId group, std::uint64_t serial) const;

  [[nodiscard]] std::vector<RecoveredGroup> recovered() const;
  [[nodiscard]] std::uint64_t cached_bytes() const { return cached_bytes_; }

 private:
  struct Record {
    Buffer blob;
    std::uint64_t serial = 0;  ///< 0: there is none
  };
  struct Group {
    Record state;
    Record base;  ///< the owner's bytes of the last discard or reset
    EntryId base_id;
    std::uint64_t reset_serial = 0;  ///< of the last frame that emptied the log; 0: none that still stands
    Generation generation;
    EntryWindow entries;
    std::map<std::string, Record, std::less<>> cells;
  };
  struct Cached {
    GroupId group;
    Position position;
    std::uint64_t serial = 0;
  };

  void set_record(Record& record, const Buffer& blob, std::size_t extra, std::uint64_t serial);
  void set_base(Group& group, const LogOp& op, std::uint64_t serial);
  void put(GroupId id, Group& group, const LogEntry& entry, std::uint64_t serial, std::uint32_t checksum);
  void forget(const EntrySlot& slot);
  void remember(GroupId group, Position position, const EntrySlot& slot);
  [[nodiscard]] EntrySlot* find(GroupId group, Position position, std::uint64_t serial);
  /// True if the slot was added: it fits what the plan reads in one piece.
  [[nodiscard]] bool add_to(FetchPlan& plan, std::uint64_t& high, Position position, const EntrySlot& slot,
                            std::size_t max_bytes) const;
  [[nodiscard]] RewritePlan plan_group(GroupId id, const Group& group, std::uint64_t serial) const;

  Liveness& liveness_;
  const std::uint64_t cache_bytes_;
  std::map<GroupId, Group> groups_;
  std::deque<Cached> cached_;  ///< payloads in memory in the order in which they came; some are gone since
  std::uint64_t cached_bytes_ = 0;
  std::uint64_t cached_count_ = 0;
};

}  // namespace quorate::storage
