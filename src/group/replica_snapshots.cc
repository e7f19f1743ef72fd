// Snapshots, as one replica sees them: what the core asks for, what the sender and the receiver need, and how the state
// goes over from one to another.

#include <algorithm>
#include <utility>
#include <variant>

#include "base/assert.h"
#include "base/match.h"
#include "base/plant.h"
#include "group/replica_runtime.h"
#include "state/record_space.h"

namespace quorate::group {

using namespace consensus;  // NOLINT(google-build-using-namespace): this file speaks the contract's words throughout

void ReplicaRuntime::on_snapshot_message(NodeId from, const SnapshotMessage& message) {
  if (stopped_ || !started_) {
    return;
  }
  std::visit(Match{[&](const SnapshotOffer& one) { receiver_.on_offer(from, one); },
                   [&](const SnapshotChunk& one) { receiver_.on_chunk(from, one); },
                   [&](const SnapshotWant& one) { sender_.on_want(from, one); },
                   [&](const SnapshotEnd& one) {
                     // Sessions of two nodes may bear the same number: each side looks whether it has one.
                     receiver_.on_end(from, one);
                     sender_.on_end(from, one);
                   }},
             message);
}

// ---- the log that is kept -----------------------------------------------------------------------------------

Tag ReplicaRuntime::tag_at(Position position) const {
  return position == discarded_.position ? discarded_.tag : node_.log.tag_of(group_, position).value_or(Tag());
}

/// What every member has goes. For a member that is behind a tail stays, so that a short absence costs no snapshot;
/// and what follows a snapshot under way, so that its receiver need not have another.
Position ReplicaRuntime::discardable() const {
  const Position everywhere = core_->status().everywhere;
  const Position before_tail = node_.log.tail_begin(group_, limits_.tail_entries, limits_.tail_bytes).previous();
  const Position behind = std::max(everywhere, before_tail);
  return std::min(behind, sender_.oldest().value_or(behind));
}

// ---- sending ------------------------------------------------------------------------------------------------

/// The engine's records are the snapshot: they stand for what was written to it last.
void ReplicaRuntime::carry_out(SendSnapshot& effect) {
  const Position position = account.written;
  QUORATE_ASSERT(position >= effect.at_least, "the log is cut only behind what the engine has", group_, position,
                 effect.at_least);
  const Tag tag = tag_at(position);
  QUORATE_ASSERT(!tag.is_none(), "what the engine was given last is in the log, or begins it", group_, position);
  const state::RecordSpace space{group_, receiver_.present()};
  sender_.begin(effect.to, {position, tag}, membership_at(position),
                node_.records.scan(space.first().view(), space.behind().view()));
}

// ---- backups ------------------------------------------------------------------------------------------------

void ReplicaRuntime::pin_records(Callback<PinnedRecords> to) {
  pins_.ask(applier_.executed(), to);
  node_.loop.defer(Callback<>::to<&ReplicaRuntime::serve_pins>(this));
}

/// Between the adoption of a snapshot and its frame's being durable the written position is the new generation's, and
/// the records that count are still the old one's.
void ReplicaRuntime::serve_pins(std::uint64_t) {
  if (!stopped_ && adopting_.is_none()) {
    pins_.serve({group_, receiver_.present()}, account.written);
  }
}

// ---- receiving ----------------------------------------------------------------------------------------------

void ReplicaRuntime::carry_out(InstallSnapshot& effect) { wanted_ = effect.id; }

bool ReplicaRuntime::wants(NodeId from, EntryId id) {
  wanted_ = {};
  handle(SnapshotOffered{from, id});
  return std::exchange(wanted_, {}) == id;
}

bool ReplicaRuntime::adopts(const SnapshotReceived& snapshot) {
  handle(snapshot);
  return !adopting_.is_none();
}

/// From this turn on the group's state is the snapshot's. A crash before the frame `written` is durable brings the old
/// one back, whole: nothing that was said meanwhile depends on the difference, because what is in a snapshot is
/// committed, and acknowledgements of what stands behind it wait for the frame.
void ReplicaRuntime::adopt(EntryId snapshot, Io written) {
  QUORATE_ASSERT(snapshot.position > applier_.executed() || QUORATE_PLANT(snapshot_lowers_commit),
                 "a snapshot brings a replica forward", group_, snapshot.position, applier_.executed());
  adopting_ = written;
  machine_.adopt_restored();
  account.written = snapshot.position;
  account.flushing = snapshot.position;
  account.durable = snapshot.position;
  told_applied_ = snapshot.position;
  applier_.reset(QUORATE_PLANT(snapshot_at_wrong_index) ? snapshot.position.next() : snapshot.position);
  trace("group.snapshot_adopted", snapshot.position.value());
  serve_reads();
}

}  // namespace quorate::group
