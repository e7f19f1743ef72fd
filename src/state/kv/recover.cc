#include <algorithm>
#include <utility>

#include "base/assert.h"
#include "state/kv/store_impl.h"

namespace quorate::kv {
namespace {

constexpr std::size_t kKeysReleasedAtOnce = 16'384;

}  // namespace

// ---- to the engine --------------------------------------------------------------------------------------------

void StoreImpl::collect(Position durable, env::RecordBatch& batch) {
  const Position applied = std::min(executed_, durable);
  recent_.trim();
  if (!retired_.empty() && !retired_.back()->release(kKeysReleasedAtOnce)) {
    retired_.pop_back();
  }
  const bool has_side_ops = !side_ops_.empty() && side_ops_.front().position <= applied;
  if (applied <= collected_ && !has_side_ops) {
    return;
  }
  collected_ = std::max(collected_, applied);
  while (!journal_.empty() && journal_.front().position <= collected_) {
    engine_has_ = journal_.front();
    journal_.pop_front();
  }
  recent_.visit_uncollected(engine_has_.revision, [&batch](const Buffer& block) {
    batch.put(block.slice(0, kRevisionKeyBytes), block.slice(kRevisionKeyBytes, block.size() - kRevisionKeyBytes));
  });
  recent_.mark_collected(engine_has_.revision);
  while (!side_ops_.empty() && side_ops_.front().position <= collected_) {
    batch.ops.push_back(std::move(side_ops_.front().op));
    side_ops_.pop_front();
  }
  batch.put(keys_.meta(), encode_meta({collected_, engine_has_.revision, engine_has_.compact_revision}));
}

// ---- from the engine, or from a snapshot ------------------------------------------------------------------------

Result<Position> StoreImpl::recover(Generation generation) {
  QUORATE_ASSERT(executed_ == collected_ && journal_.empty(), "a store is recovered before its first command",
                 executed_);
  begin_restore(generation);
  const state::RecordSpace space{group_, generation};
  const auto cursor = records_.scan(space.first().view(), space.behind().view());
  for (; cursor->valid(); cursor->next()) {
    QUORATE_TRY(restore(cursor->key().substr(kSpaceBytes), cursor->value()));
  }
  QUORATE_TRY(cursor->status());
  const Result<Position> position = finish_restore();
  if (position) {
    take_over_restored();
  }
  return position;
}

void StoreImpl::begin_restore(Generation generation) {
  restoring_ = std::make_unique<Image>();
  restoring_generation_ = generation;
}

Status StoreImpl::restore(ByteView key, ByteView value) {
  QUORATE_ASSERT(restoring_ != nullptr, "a restore was begun", group_);
  return restoring_->add(key, value);
}

Result<Position> StoreImpl::finish_restore() {
  QUORATE_ASSERT(restoring_ != nullptr, "a restore was begun", group_);
  QUORATE_TRY(restoring_->finish());
  return restoring_->meta.applied;
}

void StoreImpl::abandon_restore() { retire(std::move(restoring_)); }

/// Its memory goes in slices: see collect().
void StoreImpl::retire(std::unique_ptr<Image> image) {
  if (image != nullptr) {
    retired_.push_back(std::move(image));
  }
}

/// Records never change, so what the reader holds or fetches of a revision is as good for the new state; who waits for
/// it is called.
void StoreImpl::take_over_restored() {
  Image& image = *restoring_;
  keys_ = RecordKeys({group_, restoring_generation_});
  index_.swap(image.index);
  std::swap(leases_, image.leases);
  alarms_ = std::move(image.alarms);
  members_ = std::move(image.members);
  contacts_ = std::move(image.contacts);
  executed_ = image.meta.applied;
  revision_ = image.meta.revision;
  compact_revision_ = image.meta.compact_revision;
  size_bytes_ = image.size_bytes;
  recent_.restart(revision_ + 1);
  journal_.clear();
  side_ops_.clear();
  collected_ = executed_;
  engine_has_ = {executed_, revision_, compact_revision_};
  compact_position_ = Position();
  // What the last compaction did not get to is still there: look through the index once.
  pass_key_.clear();
  compacting_ = compact_revision_ > 0;
  retire(std::move(restoring_));
}

void StoreImpl::adopt_restored() {
  QUORATE_ASSERT(restoring_ != nullptr && restoring_->meta.applied > executed_, "a snapshot brings a store forward",
                 executed_);
  take_over_restored();
  hash_job_ = HashJob{};
  observer_.on_replaced(revision_);
  for (const Callback<>& ready : std::exchange(hash_waiters_, {})) {
    ready();
  }
}

}  // namespace quorate::kv
