#pragma once
// Takes a snapshot in: chunks become the records of a new generation beside the present one, and a second state beside
// the one that serves; one frame of the log then makes both the group's.
//
//   nothing --offer, core wants it--> arriving --last chunk, all checked--> settling --records durable--> core adopts
//   it
//      ^                                 |                                     |                              |
//      +-- silence, end, new offer ------+-- another offer --------------------+      frame durable: the old generation
//      +------------------------------------------------------------------------------  is dropped, the sender hears it
//
// Invariants: 1. until the frame is durable the old state is whole, in memory and on the disk. 2. a chunk is taken in
// its
//                place only, and its content only if the sum of the whole is right at the end. 3. nothing is adopted
//                before the engine has all of it durably. 4. generations are never used twice in a life; what a crash
//                leaves of one is dropped at the next start.
// Owned by the replica's runtime, on the node's loop. Scenarios N-01, N-03, N-05, N-06.

#include <optional>

#include "consensus/contract/input.h"
#include "env/record_store.h"
#include "group/node_parts.h"
#include "group/snapshot_message.h"
#include "group/snapshot_sender.h"
#include "state/state_machine.h"

namespace quorate::group {

/// The replica, as the receiver asks it.
class SnapshotTaker {
 public:
  virtual ~SnapshotTaker() = default;
  /// Asks the core about an offer.
  [[nodiscard]] virtual bool wants(NodeId from, EntryId id) = 0;
  /// Hands the core a whole and durable snapshot. True: it was adopted, and on_adopted_durable() follows.
  [[nodiscard]] virtual bool adopts(const consensus::SnapshotReceived& snapshot) = 0;
};

class SnapshotReceiver {
 public:
  /// `last_used`: the highest generation of which the engine may have records.
  SnapshotReceiver(GroupId group, Generation present, Generation last_used, NodeParts& node,
                   const SnapshotLimits& limits, state::StateMachine& machine, SnapshotTaker& taker,
                   Callback<const SnapshotNews&> news)
      : group_(group),
        node_(node),
        limits_(limits),
        machine_(machine),
        taker_(taker),
        news_(news),
        present_(present),
        last_used_(last_used) {}
  ~SnapshotReceiver() { stop(); }
  SnapshotReceiver(const SnapshotReceiver&) = delete;
  SnapshotReceiver& operator=(const SnapshotReceiver&) = delete;

  void on_offer(NodeId from, const SnapshotOffer& offer);
  void on_chunk(NodeId from, const SnapshotChunk& chunk);
  void on_end(NodeId from, const SnapshotEnd& end);
  /// The frame that adopts the snapshot is durable.
  void on_adopted_durable();
  void stop();
  /// Of every generation but the present one, unless a snapshot is coming in: then the next start does it.
  [[nodiscard]] Status drop_others();

  /// Whose records the state is made of.
  [[nodiscard]] Generation present() const { return present_; }

 private:
  enum class Stage : std::uint8_t { arriving, settling, adopted };
  struct Incoming {
    NodeId from;
    SnapshotOffer offer;
    Generation generation;
    Stage stage = Stage::arriving;
    std::uint64_t next = 0;
    std::uint32_t sum = 0;
    std::uint64_t records = 0;
    std::uint64_t bytes = 0;
    Instant began;
    Instant heard;  ///< when the last chunk came
    Instant asked;
    Instant told;
    env::TimerId timer = 0;
  };

  void begin(NodeId from, const SnapshotOffer& offer);
  void want(bool again);
  [[nodiscard]] Status take(const SnapshotChunk& chunk);
  void settle(const SnapshotChunk& last);
  void on_durable(std::uint64_t generation, Status flushed);
  void on_timer(std::uint64_t generation);
  void arm();
  void refuse(std::string_view why);
  /// Drops what has arrived, and says so to the sender.
  void give_up(SnapshotEnd::Outcome outcome);
  void end(SnapshotEnd::Outcome outcome);
  void drop(Generation generation);
  void tell(SnapshotNews::What what, std::string_view why = {});
  void send(NodeId to, const SnapshotMessage& message);

  GroupId group_;
  NodeParts& node_;
  const SnapshotLimits& limits_;
  state::StateMachine& machine_;
  SnapshotTaker& taker_;
  Callback<const SnapshotNews&> news_;
  Generation present_;
  Generation last_used_;
  std::optional<Incoming> incoming_;
  bool stopped_ = false;
};

/// The highest generation of the group of which the engine has records; at least `least`.
[[nodiscard]] Generation highest_generation(env::RecordStore& records, GroupId group, Generation least);
/// At start: drops what other generations of the group left in the engine.
[[nodiscard]] Status drop_other_generations(env::RecordStore& records, GroupId group, Generation present);

}  // namespace quorate::group
