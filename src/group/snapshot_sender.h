#pragma once
// Brings snapshots of one replica's records to followers that need what the log no longer has.
//
// The engine is the snapshot: a session is a walk over a pinned view of the group's records, read off the loop, a chunk
// at a time. Invariants: 1. of a session at most a window of chunks is in memory, and none leaves that the receiver has
// not asked for. 2. every session that the core asked for ends once: delivered, or not (given up, the receiver cannot,
// replaced by a newer view only in silence). 3. the log keeps what follows a snapshot under way: see oldest().
// Owned by the replica's runtime, on the node's loop.

#include <deque>
#include <memory>
#include <optional>
#include <vector>

#include "consensus/contract/input.h"
#include "env/record_store.h"
#include "group/host.h"
#include "group/node_parts.h"
#include "group/snapshot_message.h"

namespace quorate::group {

class SnapshotSender {
 public:
  /// `ended` is called for each end that the core must hear of; `news` at the beginning, at the end, and regularly.
  SnapshotSender(GroupId group, Incarnation life, NodeParts& node, const SnapshotLimits& limits,
                 Callback<const consensus::SnapshotSent&> ended, Callback<const SnapshotNews&> news)
      : group_(group), node_(node), limits_(limits), ended_(ended), news_(news), last_session_(life.value() << 24) {}
  ~SnapshotSender() { stop(); }
  SnapshotSender(const SnapshotSender&) = delete;
  SnapshotSender& operator=(const SnapshotSender&) = delete;

  /// `records` is a walk over everything that makes up the state at `id`.
  void begin(NodeId to, EntryId id, consensus::Membership membership, std::shared_ptr<env::RecordCursor> records);
  void on_want(NodeId from, const SnapshotWant& want);
  void on_end(NodeId from, const SnapshotEnd& end);
  /// This replica no longer leads: what was begun is not wanted any more.
  void cancel_all();
  void stop();

  /// What a receiver will go on from: the log behind it must stay. None if nothing is being sent.
  [[nodiscard]] std::optional<Position> oldest() const;

 private:
  struct Chunk {
    std::vector<Buffer> parts;
    std::size_t bytes = 0;
  };
  struct Session {
    SnapshotSession number = 0;
    NodeId to;
    EntryId id;
    consensus::Membership membership;
    std::shared_ptr<env::RecordCursor> records;
    std::deque<Chunk> held;  ///< read and not known to have arrived
    std::uint64_t first_held = 0;
    std::uint64_t next = 0;  ///< to be sent
    std::uint64_t wanted_end = 0;
    bool is_reading = false;
    bool is_read = false;  ///< to its end
    std::uint32_t sum = 0;
    std::uint64_t sent_records = 0;
    std::uint64_t sent_bytes = 0;
    Instant began;
    Instant progressed;  ///< when the receiver last showed that it goes on
    Instant offered;
    Instant told;  ///< when the last news went out
    env::TimerId timer = 0;
  };

  [[nodiscard]] Session* find(SnapshotSession number);
  void offer(Session& session);
  void pump(Session& session);
  void read_ahead(Session& session);
  void on_page(std::uint64_t number, Result<env::RecordPage> page);
  void add_chunk(Session& session, env::RecordPage page);
  void on_timer(std::uint64_t number);
  void arm(Session& session, Instant due);
  bool send(NodeId to, const SnapshotMessage& message);
  void tell(Session& session, SnapshotNews::What what);
  void end(Session& session, bool delivered);
  void erase(Session& session);

  GroupId group_;
  NodeParts& node_;
  const SnapshotLimits& limits_;
  Callback<const consensus::SnapshotSent&> ended_;
  Callback<const SnapshotNews&> news_;
  SnapshotSession last_session_;
  std::vector<std::unique_ptr<Session>> sessions_;  ///< few: one a follower at most
};

}  // namespace quorate::group
