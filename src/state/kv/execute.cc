#include <algorithm>

#include "base/assert.h"
#include "base/plant.h"
#include "codec/crc32c.h"
#include "state/kv/store_impl.h"

namespace quorate::kv {

std::unique_ptr<Store> Store::make(GroupId group, env::RecordStore& records, StoreLimits limits,
                                   StoreObserver& observer) {
  return std::make_unique<StoreImpl>(group, records, limits, observer);
}

StoreImpl::StoreImpl(GroupId group, env::RecordStore& records, StoreLimits limits, StoreObserver& observer)
    : group_(group),
      keys_({group, state::kFirstGeneration}),
      records_(records),
      limits_(limits),
      observer_(observer),
      recent_(2, limits.recent_bytes),
      reader_(keys_, records, recent_, limits.cache_bytes) {}

void StoreImpl::skip(Position position) {
  QUORATE_ASSERT(position > executed_, "positions rise", position, executed_);
  executed_ = position;
}

state::Execution StoreImpl::execute(const EntryId& id, const Buffer& command, Callback<> ready) {
  QUORATE_ASSERT(id.position > executed_, "an entry is executed once", id.position, executed_);
  Result<Command> decoded = decode_command(command.view());
  if (!decoded) {
    // Going on without a command that others understand would make this replica differ from them.
    QUORATE_ASSERT(decoded.error().code != ErrorCode::newer_format, decoded.error().text, id.position);
    executed_ = id.position;
    return state::Execution::done;
  }
  Task task{.id = id, .command = *decoded};
  task.wants_reply = observer_.wants_reply(task.command.header.request);
  reader_.begin(/*keep_all=*/task.command.header.kind != CommandKind::put);
  run(task);
  if (!reader_.complete()) {
    QUORATE_ASSERT(changes_ == 0, "a command that waits changed nothing", id.position, changes_);
    return reader_.finish(ready);
  }
  (void)reader_.finish({});
  executed_ = id.position;
  finish_command(id.position);
  if (task.wants_reply) {
    task.reply.revision = revision_;
    if (QUORATE_PLANT(reply_revision_off) && task.command.header.kind == CommandKind::put) {
      task.reply.revision = revision_ - 1;
    }
    observer_.on_reply(task.command.header.request, std::move(task.reply));
  }
  return state::Execution::done;
}

void StoreImpl::run(Task& task) {
  switch (task.command.header.kind) {
    case CommandKind::put: return run_put(task);
    case CommandKind::delete_range: return run_delete_range(task);
    case CommandKind::txn: return run_txn(task);
    case CommandKind::compact: return run_compact(task);
    case CommandKind::lease_grant: return run_lease_grant(task);
    case CommandKind::lease_revoke: return run_lease_revoke(task);
    case CommandKind::alarm: return run_alarm(task);
    case CommandKind::publish_member: return run_publish_member(task);
  }
}

void StoreImpl::finish_command(Position position) {
  if (changes_ == 0) {
    return;
  }
  last_record_.mark_last();
  ++revision_;
  changes_ = 0;
  journal_.push_back({position, revision_, compact_revision_});
  if (QUORATE_PLANT(delete_without_tombstone_event)) {
    std::erase_if(events_, [](const Event& event) { return event.type == Event::Type::erase; });
  }
  observer_.on_events(revision_, events_);
  events_.clear();
}

// ---- changes --------------------------------------------------------------------------------------------------

KeyEntry* StoreImpl::find_live(ByteView key) const {
  KeyEntry* entry = index_.find(key);
  return entry != nullptr && entry->is_live() ? entry : nullptr;
}

bool StoreImpl::read_value(const Version& at, Buffer& value) {
  const env::Lookup::State state = reader_.read(at.revision(), value);
  QUORATE_ASSERT(state != env::Lookup::State::absent, "the engine holds every revision of the index", at.main, at.sub);
  return state == env::Lookup::State::value;
}

Version StoreImpl::make_version(const NewRecord& record, bool tombstone) const {
  return {.main = revision_ + 1,
          .sub = static_cast<std::uint32_t>(changes_),
          .size_bytes = static_cast<std::uint32_t>(record.size_bytes()),
          .checksum = codec::crc32c(record.key_value()),
          .tombstone = tombstone};
}

void StoreImpl::put(ByteView key, ByteView value, std::int64_t lease) {
  KeyEntry& entry = index_.insert_live(key);
  const std::int64_t main = revision_ + 1;
  const codec::KeyValue kv{.key = key,
                           .create_revision = entry.is_live() ? entry.create_revision() : main,
                           .mod_revision = main,
                           .version = entry.version() + 1,
                           .value = value,
                           .lease = lease};
  const std::int64_t written_sub = QUORATE_PLANT(wrong_sub_revision) && changes_ == 1 ? 0 : changes_;
  NewRecord record = NewRecord::make(keys_.revision({main, written_sub}), kv, false);
  Event event{.type = Event::Type::put,
              .create_revision = kv.create_revision,
              .mod_revision = main,
              .sub_revision = changes_,
              .version = kv.version,
              .lease = lease};
  if (entry.is_live()) {
    event.previous_revision = entry.latest().main;
    event.previous_sub = entry.latest().sub;
  }
  const Version version = make_version(record, false);
  entry.put(version, kv.create_revision, kv.version);
  leases_.attach(entry, lease);
  add_change(std::move(record), version, std::move(event));
}

void StoreImpl::erase(KeyEntry& entry) {
  const std::int64_t main = revision_ + 1;
  NewRecord record = NewRecord::make(keys_.revision({main, changes_}), {.key = entry.key()}, true);
  Event event{.type = Event::Type::erase,
              .mod_revision = main,
              .sub_revision = changes_,
              .previous_revision = entry.latest().main,
              .previous_sub = entry.latest().sub};
  const Version version = make_version(record, true);
  leases_.attach(entry, 0);
  entry.erase(version);
  index_.set_live(entry.key(), false);
  add_change(std::move(record), version, std::move(event));
}

void StoreImpl::add_change(NewRecord record, const Version& at, Event event) {
  Buffer block = record.buffer();
  event.key = block.slice_of(record.user_key());
  event.value = block.slice_of(record.user_value());
  size_bytes_ += record.size_bytes();
  events_.push_back(std::move(event));
  recent_.append(at.revision(), std::move(block));
  last_record_ = std::move(record);
  ++changes_;
}

void StoreImpl::live_keys(const KeyRange& range, std::vector<KeyEntry*>& out) const {
  if (range.single) {
    if (KeyEntry* entry = find_live(range.from)) {
      out.push_back(entry);
    }
    return;
  }
  KeyIndex::Cursor at = index_.lower_bound(range.from);
  for (at.skip_dead(); at.valid() && range.contains(at.entry().key()); at.next(), at.skip_dead()) {
    out.push_back(&at.entry());
  }
}

// ---- commands -------------------------------------------------------------------------------------------------

void StoreImpl::run_put(Task& task) {
  codec::PutRequest request;
  if (!codec::read_request(task.command.request, request)) {
    task.reply.failure = Failure::malformed;
    return;
  }
  if (request.key.empty()) {
    task.reply.failure = Failure::empty_key;
    return;
  }
  if (request.lease != 0 && !leases_.contains(request.lease)) {
    task.reply.failure = Failure::lease_not_found;
    return;
  }
  if (!request.prev_kv && !request.ignore_value && !request.ignore_lease) {
    put(request.key, request.value, request.lease);
    return;
  }
  const KeyEntry* entry = find_live(request.key);
  if (entry == nullptr && (request.ignore_value || request.ignore_lease)) {
    task.reply.failure = Failure::key_not_found;
    return;
  }
  const bool needs_value = entry != nullptr && (request.ignore_value || (request.prev_kv && task.wants_reply));
  Buffer previous;
  if (needs_value && !read_value(entry->latest(), previous)) {
    return;
  }
  apply_put(request, task.wants_reply, previous);
  if (task.wants_reply) {
    task.reply.body =
        codec::encode_put_reply(request.prev_kv && !previous.empty() ? previous.view().substr(1) : ByteView());
  }
}

void StoreImpl::run_delete_range(Task& task) {
  codec::DeleteRangeRequest request;
  if (!codec::read_request(task.command.request, request)) {
    task.reply.failure = Failure::malformed;
    return;
  }
  if (request.key.empty()) {
    task.reply.failure = Failure::empty_key;
    return;
  }
  PlanState ignored;
  plan_delete(request, ignored, task.wants_reply);
  if (!reader_.complete()) {
    return;
  }
  std::vector<Buffer> previous;
  const std::int64_t deleted = apply_delete(request, task.wants_reply, previous);
  if (task.wants_reply) {
    std::vector<ByteView> kvs;
    for (const Buffer& value : previous) {
      kvs.push_back(value.view().substr(1));
    }
    task.reply.body = codec::encode_reply(codec::DeleteRangeFields{.deleted = deleted, .prev_kvs = kvs});
  }
}

void StoreImpl::run_compact(Task& task) {
  codec::CompactionRequest request;
  if (!codec::read_request(task.command.request, request)) {
    task.reply.failure = Failure::malformed;
  } else if (request.revision <= compact_revision_) {
    task.reply.failure = Failure::compacted;
  } else if (request.revision > revision_) {
    task.reply.failure = Failure::future_revision;
  } else {
    compact_revision_ = request.revision;
    compact_position_ = task.id.position;
    compacting_ = true;
    journal_.push_back({task.id.position, revision_, compact_revision_});
    observer_.on_compacted(compact_revision_);
  }
}

void StoreImpl::run_lease_grant(Task& task) {
  codec::LeaseGrantRequest request;
  if (!codec::read_request(task.command.request, request)) {
    task.reply.failure = Failure::malformed;
    return;
  }
  if (request.id == 0) {
    task.reply.failure = Failure::lease_not_found;  // the leader chooses ids: none got lost on the way
    return;
  }
  if (request.ttl > limits_.max_lease_ttl) {
    task.reply.failure = Failure::lease_ttl_too_large;
    return;
  }
  const std::int64_t ttl = std::max(request.ttl, limits_.min_lease_ttl);
  if (!leases_.grant(request.id, ttl)) {
    task.reply.failure = Failure::lease_exists;
    return;
  }
  using Op = env::RecordBatch::Op;
  add_side_op(task.id.position, {Op::Kind::put, keys_.lease(request.id), encode_lease(ttl)});
  observer_.on_lease_granted({request.id, ttl});
  if (task.wants_reply) {
    task.reply.body = codec::encode_lease_grant_reply(request.id, ttl);
  }
}

void StoreImpl::run_lease_revoke(Task& task) {
  codec::LeaseRevokeRequest request;
  if (!codec::read_request(task.command.request, request)) {
    task.reply.failure = Failure::malformed;
    return;
  }
  const Tag expired_in = task.command.header.expired_in;
  // A leader that was stuck may propose the expiry after another one renewed the lease: its term gives it away (E-04).
  const bool void_expiry = !expired_in.is_none() && expired_in != task.id.tag;
  if (void_expiry || !leases_.contains(request.id)) {
    task.reply.failure = Failure::lease_not_found;
    return;
  }
  for (KeyEntry* entry : leases_.keys(request.id)) {
    if (QUORATE_PLANT(lease_revoke_keeps_keys)) {
      leases_.attach(*entry, 0);
      continue;
    }
    erase(*entry);
  }
  leases_.revoke(request.id);
  using Op = env::RecordBatch::Op;
  add_side_op(task.id.position, {Op::Kind::erase, keys_.lease(request.id), {}});
  observer_.on_lease_revoked(request.id);
}

void StoreImpl::run_alarm(Task& task) {
  codec::AlarmRequest request;
  if (!codec::read_request(task.command.request, request)) {
    task.reply.failure = Failure::malformed;
    return;
  }
  using Op = env::RecordBatch::Op;
  const Alarm alarm{request.member, request.alarm};
  const Buffer key = keys_.alarm(alarm.member, alarm.type);
  bool answered = false;
  if (request.action == codec::AlarmRequest::activate && alarm.type != codec::AlarmRequest::none) {
    answered = true;
    if (alarms_.insert(alarm).second) {
      add_side_op(task.id.position, {Op::Kind::put, key, Buffer::copy_of(ByteView("\1", 1))});
    }
  } else if (request.action == codec::AlarmRequest::deactivate && alarms_.erase(alarm) > 0) {
    answered = true;
    add_side_op(task.id.position, {Op::Kind::erase, key, {}});
  }
  if (task.wants_reply && answered) {
    const codec::AlarmMember member{alarm.member, alarm.type};
    task.reply.body = codec::encode_alarm_reply({&member, 1});
  }
}

std::vector<Buffer> StoreImpl::lease_keys(std::int64_t id) const {
  std::vector<Buffer> result;
  for (const KeyEntry* entry : leases_.keys(id)) {
    result.push_back(Buffer::copy_of(entry->key()));
  }
  return result;
}

}  // namespace quorate::kv
