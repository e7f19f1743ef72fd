#include <algorithm>
#include <string>

#include "base/assert.h"
#include "codec/crc32c.h"
#include "codec/reader.h"
#include "state/kv/store_impl.h"

namespace quorate::kv {

// ---- to the engine --------------------------------------------------------------------------------------------

void StoreImpl::collect(Position durable, env::RecordBatch& batch) {
  const Position applied = std::min(executed_, durable);
  recent_.trim();
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

// ---- from the engine ------------------------------------------------------------------------------------------

void StoreImpl::reset() {
  QUORATE_ASSERT(executed_.is_none() && index_.size() == 0, "a store is recovered once, before its first command",
                 executed_);
}

Result<Meta> StoreImpl::load_meta() {
  Result<std::optional<Buffer>> value = records_.get_blocking(keys_.meta().view());
  if (!value) {
    return std::unexpected(std::move(value).error());
  }
  return *value ? decode_meta((*value)->view()) : Result<Meta>(Meta{});
}

Status StoreImpl::load_leases() {
  const auto cursor = records_.scan(keys_.first(RecordKind::lease).view(), keys_.behind(RecordKind::lease).view());
  for (; cursor->valid(); cursor->next()) {
    codec::Reader key(cursor->key().substr(kSpaceBytes + 1));
    std::uint64_t id = 0;
    for (int i = 0; i < 8; ++i) {
      id = id << 8 | key.u8();
    }
    codec::Reader value(cursor->value());
    const auto ttl = static_cast<std::int64_t>(value.u64());
    if (!key.finished() || !value.finished()) {
      return fail(ErrorCode::corrupt, "the record of a lease is not readable");
    }
    leases_.grant(static_cast<std::int64_t>(id), ttl);
  }
  return cursor->status();
}

Status StoreImpl::load_alarms() {
  const auto cursor = records_.scan(keys_.first(RecordKind::alarm).view(), keys_.behind(RecordKind::alarm).view());
  for (; cursor->valid(); cursor->next()) {
    codec::Reader key(cursor->key().substr(kSpaceBytes + 1));
    Alarm alarm;
    for (int i = 0; i < 8; ++i) {
      alarm.member = alarm.member << 8 | key.u8();
    }
    std::uint32_t type = 0;
    for (int i = 0; i < 4; ++i) {
      type = type << 8 | key.u8();
    }
    if (!key.finished()) {
      return fail(ErrorCode::corrupt, "the record of an alarm is not readable");
    }
    alarm.type = static_cast<std::int32_t>(type);
    alarms_.insert(alarm);
  }
  return cursor->status();
}

Status StoreImpl::load_members() {
  const auto cursor = records_.scan(keys_.first(RecordKind::member).view(), keys_.behind(RecordKind::member).view());
  for (; cursor->valid(); cursor->next()) {
    codec::Reader key(cursor->key().substr(kSpaceBytes + 1));
    std::uint64_t member = 0;
    for (int i = 0; i < 8; ++i) {
      member = member << 8 | key.u8();
    }
    if (!key.finished()) {
      return fail(ErrorCode::corrupt, "the record of a member is not readable");
    }
    members_[NodeId(member)] = Buffer::copy_of(cursor->value());
  }
  return cursor->status();
}

void StoreImpl::load_record(Revision at, const RecordView& view, std::size_t size) {
  KeyEntry& entry = index_.insert_live(view.kv.key);
  const Version version{.main = at.main,
                        .sub = static_cast<std::uint32_t>(at.sub),
                        .size_bytes = static_cast<std::uint32_t>(size),
                        .checksum = codec::crc32c(view.key_value),
                        .tombstone = view.tombstone};
  size_bytes_ += size;
  if (view.tombstone) {
    leases_.attach(entry, 0);
    entry.erase(version);
    index_.set_live(entry.key(), false);
  } else {
    entry.put(version, view.kv.create_revision, view.kv.version);
    leases_.attach(entry, view.kv.lease);
  }
}

Status StoreImpl::load_revisions(const Meta& meta) {
  const auto cursor =
      records_.scan(keys_.first(RecordKind::revision).view(), keys_.behind(RecordKind::revision).view());
  // Nothing may be missing above the compacted revision: an engine that lost a record is not gone on with.
  Revision expected{std::max<std::int64_t>(meta.compact_revision + 1, 2), 0};
  for (; cursor->valid(); cursor->next()) {
    if (cursor->key().size() != kRevisionKeyBytes) {
      return fail(ErrorCode::corrupt, "a revision's key has " + std::to_string(cursor->key().size()) + " bytes");
    }
    const Revision at = revision_of(cursor->key());
    const Result<RecordView> view = read_record(cursor->value());
    if (!view) {
      return fail(view.error().code, view.error().text + " (revision " + std::to_string(at.main) + ")");
    }
    if (at.main > meta.compact_revision) {
      if (at != expected) {
        break;
      }
      expected = view->last ? Revision{at.main + 1, 0} : Revision{at.main, at.sub + 1};
    }
    load_record(at, *view, cursor->key().size() + cursor->value().size());
  }
  QUORATE_TRY(cursor->status());
  if (cursor->valid() || expected != Revision{std::max<std::int64_t>(meta.revision + 1, 2), 0}) {
    return fail(ErrorCode::corrupt, "the record of revision " + std::to_string(expected.main) + "." +
                                        std::to_string(expected.sub) + " is missing; the store is at revision " +
                                        std::to_string(meta.revision));
  }
  return {};
}

Result<Position> StoreImpl::recover() {
  reset();
  const Result<Meta> meta = load_meta();
  if (!meta) {
    return std::unexpected(meta.error());
  }
  QUORATE_TRY(load_leases());
  QUORATE_TRY(load_alarms());
  QUORATE_TRY(load_members());
  QUORATE_TRY(load_revisions(*meta));
  executed_ = meta->applied;
  collected_ = meta->applied;
  revision_ = meta->revision;
  compact_revision_ = meta->compact_revision;
  engine_has_ = {meta->applied, meta->revision, meta->compact_revision};
  recent_.restart(revision_ + 1);
  // What the last compaction did not get to is still there: look through the index once.
  compacting_ = compact_revision_ > 0;
  return executed_;
}

}  // namespace quorate::kv
