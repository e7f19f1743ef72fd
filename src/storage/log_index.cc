#include "storage/log_index.h"

#include <algorithm>

#include "base/assert.h"
#include "base/plant.h"
#include "codec/crc32c.h"

namespace quorate::storage {
namespace {

constexpr std::size_t kEntryOverhead = 16;  // what an entry costs in the log beside its payload, about
constexpr std::size_t kBaseOverhead = 24;
constexpr std::size_t kLargestFetch = 4U << 20;  // of one read, gaps included

std::size_t live_bytes(const EntrySlot& slot) { return slot.size + kEntryOverhead; }

}  // namespace

void LogIndex::apply(GroupId id, const std::vector<LogOp>& ops, std::uint64_t serial,
                     std::span<const std::uint32_t> checksums) {
  using Kind = LogOp::Kind;
  Group& group = groups_[id];
  std::size_t puts = 0;
  for (const LogOp& op : ops) {
    switch (op.kind) {
      case Kind::set_state: set_record(group.state, op.blob, 0, serial); break;
      case Kind::put: put(id, group, op.entry, serial, checksums[puts++]); break;
      case Kind::truncate_from:
        group.entries.truncate_from(op.entry.id.position, [this](const EntrySlot& slot) { forget(slot); });
        break;
      case Kind::discard_below:
        if (op.entry.id.position >= group.base_id.position) {
          set_base(group, op, serial);  // with the generation, so that it is in the newest base's frame
          group.entries.discard_up_to(op.entry.id.position, [this](const EntrySlot& slot) { forget(slot); });
        }
        break;
      case Kind::reset_to:
        group.entries.truncate_from(Position(0), [this](const EntrySlot& slot) { forget(slot); });
        set_base(group, op, serial);
        group.reset_serial = serial;
        break;
      case Kind::restore_base: set_base(group, op, serial); break;
      case Kind::set_cell: {
        const auto [cell, inserted] = group.cells.try_emplace(std::string(op.key.view()));
        set_record(cell->second, op.blob, op.key.size(), serial);
        break;
      }
    }
  }
}

void LogIndex::set_record(Record& record, const Buffer& blob, std::size_t extra, std::uint64_t serial) {
  if (record.serial != 0) {
    liveness_.remove(record.serial, record.blob.size() + extra);
  }
  record = {blob, serial};
  liveness_.add(serial, blob.size() + extra);
}

void LogIndex::set_base(Group& group, const LogOp& op, std::uint64_t serial) {
  group.base_id = op.entry.id;
  group.generation = op.generation;
  set_record(group.base, op.blob, kBaseOverhead, serial);
}

void LogIndex::put(GroupId id, Group& group, const LogEntry& entry, std::uint64_t serial, std::uint32_t checksum) {
  EntrySlot& slot = group.entries.at(entry.id.position);
  if (slot.serial != 0) {
    forget(slot);
  }
  slot = {.tag = entry.id.tag,
          .serial = serial,
          .size = static_cast<std::uint32_t>(entry.payload.size()),
          .checksum = checksum,
          .kind = entry.kind,
          .payload = entry.payload};
  liveness_.add(serial, live_bytes(slot));
  remember(id, entry.id.position, slot);
}

void LogIndex::forget(const EntrySlot& slot) {
  liveness_.remove(slot.serial, live_bytes(slot));
  if (slot.in_memory && slot.size != 0) {
    cached_bytes_ -= slot.size;
    --cached_count_;
  }
}

void LogIndex::remember(GroupId group, Position position, const EntrySlot& slot) {
  if (slot.size == 0) {
    return;  // nothing to free later
  }
  cached_bytes_ += slot.size;
  ++cached_count_;
  cached_.push_back({group, position, slot.serial});
  if (cached_.size() > 2 * cached_count_ + 1024) {
    std::erase_if(cached_, [this](const Cached& entry) {
      const EntrySlot* found = find(entry.group, entry.position, entry.serial);
      return found == nullptr || !found->in_memory;
    });
  }
}

EntrySlot* LogIndex::find(GroupId group, Position position, std::uint64_t serial) {
  const auto found = groups_.find(group);
  if (found == groups_.end()) {
    return nullptr;
  }
  EntrySlot* slot = found->second.entries.find(position);
  return slot == nullptr || slot->serial != serial ? nullptr : slot;
}

void LogIndex::place(GroupId group, Position position, std::uint64_t serial, std::uint32_t offset) {
  if (EntrySlot* slot = find(group, position, serial)) {
    slot->offset = offset;
  }
}

void LogIndex::mark_damaged(GroupId group, Position position, std::uint64_t serial) {
  EntrySlot* slot = find(group, position, serial);
  if (slot == nullptr || slot->damaged) {
    return;
  }
  if (slot->in_memory && slot->size != 0) {
    cached_bytes_ -= slot->size;
    --cached_count_;
  }
  slot->in_memory = false;
  slot->payload = {};
  slot->damaged = true;
}

void LogIndex::evict(std::uint64_t durable) {
  while (cached_bytes_ > cache_bytes_ && !cached_.empty() && cached_.front().serial <= durable) {
    const Cached oldest = cached_.front();
    cached_.pop_front();
    EntrySlot* slot = find(oldest.group, oldest.position, oldest.serial);
    if (slot != nullptr && slot->in_memory) {
      cached_bytes_ -= slot->size;
      --cached_count_;
      slot->in_memory = false;
      slot->payload = {};
    }
  }
}

Generation LogIndex::generation_of(GroupId group) const {
  const auto found = groups_.find(group);
  return found == groups_.end() ? Generation() : found->second.generation;
}

std::optional<Tag> LogIndex::tag_of(GroupId group, Position position) const {
  const auto found = groups_.find(group);
  if (found == groups_.end()) {
    return std::nullopt;
  }
  const EntrySlot* slot = found->second.entries.find(position);
  return slot == nullptr ? std::nullopt : std::optional(slot->tag);
}

bool LogIndex::is_payload_of(GroupId group, EntryId id, ByteView payload) const {
  const auto found = groups_.find(group);
  const EntrySlot* slot = found == groups_.end() ? nullptr : found->second.entries.find(id.position);
  return slot != nullptr && slot->tag == id.tag && slot->size == payload.size() &&
         slot->checksum == codec::crc32c(payload);
}

Position LogIndex::tail_begin(GroupId group, std::uint64_t max_entries, std::uint64_t max_bytes) const {
  const auto found = groups_.find(group);
  if (found == groups_.end() || found->second.entries.empty()) {
    return {};
  }
  const EntryWindow& entries = found->second.entries;
  Position begin = entries.end();
  for (std::uint64_t bytes = 0; max_entries > 0 && begin > entries.first(); --max_entries) {
    const EntrySlot* slot = entries.find(begin.previous());
    bytes += slot == nullptr ? 0 : slot->size + kEntryOverhead;
    if (bytes > max_bytes) {
      break;
    }
    begin = begin.previous();
  }
  return begin;
}

bool LogIndex::cached(GroupId group, Position first, Position last, std::size_t max_bytes,
                      std::vector<LogEntry>& out) const {
  const auto found = groups_.find(group);
  if (found == groups_.end()) {
    return false;
  }
  std::size_t bytes = 0;
  for (Position position = first; position <= last; position = position.next()) {
    const EntrySlot* slot = found->second.entries.find(position);
    if (slot == nullptr || !slot->in_memory) {
      return position != first;
    }
    bytes += slot->size;
    if (bytes > max_bytes && position != first) {
      return true;
    }
    out.push_back({.id = {position, slot->tag}, .kind = slot->kind, .payload = slot->payload});
  }
  return true;
}

/// `plan.offset` is the lowest place so far, and items count from the segment's beginning until close_plan().
bool LogIndex::add_to(FetchPlan& plan, std::uint64_t& high, Position position, const EntrySlot& slot,
                      std::size_t max_bytes) const {
  const std::uint64_t sequence = liveness_.segment_of(slot.serial);
  const std::uint64_t low = plan.items.empty() ? slot.offset : std::min<std::uint64_t>(plan.offset, slot.offset);
  const std::uint64_t end = std::max<std::uint64_t>(high, std::uint64_t{slot.offset} + slot.size);
  plan.size += slot.size;  // payloads until close_plan(), then what is read
  if (!plan.items.empty() && (sequence != plan.sequence || plan.size > max_bytes || end - low > kLargestFetch)) {
    return false;
  }
  plan.sequence = sequence;
  plan.offset = low;
  high = end;
  plan.items.push_back({position, slot.serial, slot.offset, slot.size, slot.checksum});
  return true;
}

namespace {

void close_plan(FetchPlan& plan, std::uint64_t high) {
  plan.size = high - plan.offset;
  for (FetchPlan::Item& item : plan.items) {
    item.offset -= static_cast<std::uint32_t>(plan.offset);
  }
}

}  // namespace

FetchPlan LogIndex::plan_fetch(GroupId group, Position first, Position last, std::size_t max_bytes) const {
  FetchPlan plan;
  const auto found = groups_.find(group);
  if (found == groups_.end()) {
    return plan;
  }
  std::uint64_t high = 0;
  for (Position position = first; position <= last; position = position.next()) {
    const EntrySlot* slot = found->second.entries.find(position);
    if (slot == nullptr) {
      break;
    }
    if (slot->in_memory && plan.items.empty()) {
      continue;
    }
    if (slot->in_memory || slot->damaged) {
      plan.damaged = slot->damaged && plan.items.empty();
      break;
    }
    if (!add_to(plan, high, position, *slot, max_bytes)) {
      break;
    }
  }
  close_plan(plan, high);
  return plan;
}

LogIndex::CheckPlan LogIndex::plan_check(std::pair<GroupId, Position> behind, std::size_t max_bytes,
                                         std::uint64_t durable) const {
  CheckPlan plan;
  std::uint64_t high = 0;
  for (auto at = groups_.lower_bound(behind.first); at != groups_.end() && plan.read.items.empty(); ++at) {
    const EntryWindow& entries = at->second.entries;
    Position position = at->first == behind.first ? std::max(behind.second.next(), entries.first()) : entries.first();
    for (; position < entries.end(); position = position.next()) {
      const EntrySlot* slot = entries.find(position);
      if (slot == nullptr || slot->damaged || slot->size == 0 || slot->serial > durable) {
        continue;
      }
      if (!add_to(plan.read, high, position, *slot, max_bytes)) {
        break;
      }
      plan.last = {at->first, position};
    }
  }
  close_plan(plan.read, high);
  return plan;
}

void LogIndex::install(GroupId group, Position position, std::uint64_t serial, Buffer payload) {
  EntrySlot* slot = find(group, position, serial);
  if (slot == nullptr || slot->in_memory) {
    return;
  }
  slot->payload = std::move(payload);
  slot->in_memory = true;
  remember(group, position, *slot);
}

std::optional<RewritePlan> LogIndex::plan_rewrite(GroupId from, std::uint64_t serial) const {
  for (auto at = groups_.lower_bound(from); at != groups_.end(); ++at) {
    RewritePlan plan = plan_group(at->first, at->second, serial);
    if (!plan.ops.empty() || plan.missing.has_value()) {
      return plan;
    }
  }
  return std::nullopt;
}

RewritePlan LogIndex::plan_group(GroupId id, const Group& group, std::uint64_t serial) const {
  using Kind = LogOp::Kind;
  RewritePlan plan{.group = id};
  const auto is_old = [serial](const Record& record) { return record.serial != 0 && record.serial < serial; };
  if (is_old(group.state)) {
    const bool lost = QUORATE_PLANT(lost_set_state_on_rewrite);
    plan.ops.push_back({.kind = Kind::set_state, .blob = lost ? Buffer() : group.state.blob});
  }
  if (is_old(group.base)) {
    plan.ops.push_back({.kind = Kind::restore_base,
                        .entry = {.id = group.base_id},
                        .generation = group.generation,
                        .blob = group.base.blob});
  }
  for (const auto& [key, cell] : group.cells) {
    if (is_old(cell)) {
      plan.ops.push_back({.kind = Kind::set_cell, .key = Buffer::copy_of(key), .blob = cell.blob});
    }
  }
  for (Position position = group.entries.first(); position < group.entries.end(); position = position.next()) {
    const EntrySlot* slot = group.entries.find(position);
    if (slot == nullptr || slot->serial >= serial) {
      continue;
    }
    if (!slot->in_memory) {
      return {.group = id, .missing = position};
    }
    plan.ops.push_back(
        {.kind = Kind::put, .entry = {.id = {position, slot->tag}, .kind = slot->kind, .payload = slot->payload}});
  }
  for (const LogOp& op : plan.ops) {
    plan.bytes += op.blob.size() + op.key.size() + op.entry.payload.size();
  }
  return plan;
}

LogIndex::Behind LogIndex::stands_behind(GroupId id, std::uint64_t serial) const {
  const auto found = groups_.find(id);
  if (found == groups_.end()) {
    return {};
  }
  const Group& group = found->second;
  const auto note = group.cells.find("");
  const bool has_note = note != group.cells.end() && note->second.serial >= serial;
  return {.state = has_note && group.state.serial >= serial, .log = group.reset_serial >= serial};
}

std::vector<RecoveredGroup> LogIndex::recovered() const {
  std::vector<RecoveredGroup> result;
  result.reserve(groups_.size());
  for (const auto& [id, group] : groups_) {
    RecoveredGroup& out = result.emplace_back();
    out.group = id;
    out.state = group.state.blob;
    out.discarded = group.base_id;
    out.discarded_blob = group.base.blob;
    out.generation = group.generation;
    for (Position position = group.entries.first(); position < group.entries.end(); position = position.next()) {
      if (const EntrySlot* slot = group.entries.find(position)) {
        out.entries.push_back({.id = {position, slot->tag}, .kind = slot->kind, .payload = slot->payload});
        if (slot->damaged) {
          out.unreadable.push_back(position);
        }
      }
    }
    for (const auto& [key, cell] : group.cells) {
      out.cells.emplace_back(Buffer::copy_of(key), cell.blob);
    }
  }
  return result;
}

}  // namespace quorate::storage
