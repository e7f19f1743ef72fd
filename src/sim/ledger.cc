#include "sim/ledger.h"

#include <algorithm>
#include <tuple>
#include <utility>
#include <variant>

namespace quorate::sim {

void Ledger::start(const ReplicaName& replica, const consensus::PersistedState& state) {
  Log& log = logs_[replica];
  const Log before = std::exchange(log, Log{});
  log.base = state.discarded;
  for (const consensus::PersistedState::Slot& slot : state.log) {
    log.slots.resize(slot.id.position.value() - log.base.position.value());
    log.slots.back() = {slot.id.tag, Io()};
  }
  if (state.loss.kind != consensus::Loss::Kind::none) {
    note_what_is_lost(replica, before);
  }
}

void Ledger::note_what_is_lost(const ReplicaName& replica, const Log& before) {
  Position position = before.base.position;
  for (const Slot& slot : before.slots) {
    position = position.next();
    if (!slot.tag.is_none() && slot.io <= before.durable && !has_durably(replica, {position, slot.tag})) {
      lost_.insert({replica, position, slot.tag});
    }
  }
}

void Ledger::write(const ReplicaName& replica, const consensus::Persist& persist) {
  Log& log = logs_[replica];
  const auto index_of = [&log](Position position) { return position.value() - log.base.position.value() - 1; };
  for (const consensus::PersistOp& op : persist.ops) {
    if (std::holds_alternative<consensus::SetState>(op)) {
      log.state = persist.io;
    } else if (const auto* put = std::get_if<consensus::Put>(&op)) {
      const std::uint64_t index = index_of(put->entry.id.position);
      log.slots.resize(std::max<std::size_t>(log.slots.size(), index + 1));
      log.slots[index] = {put->entry.id.tag, persist.io};
      values_.try_emplace({replica.group, put->entry.id.position, put->entry.id.tag}, value_of(put->entry));
    } else if (const auto* cut = std::get_if<consensus::TruncateFrom>(&op)) {
      log.slots.resize(std::min<std::size_t>(log.slots.size(), index_of(cut->position)));
    } else if (const auto* discard = std::get_if<consensus::DiscardBelow>(&op)) {
      const std::uint64_t gone = discard->id.position.value() - log.base.position.value();
      log.slots.erase(log.slots.begin(),
                      log.slots.begin() + static_cast<std::ptrdiff_t>(std::min<std::size_t>(gone, log.slots.size())));
      log.base = discard->id;
    } else if (const auto* reset = std::get_if<consensus::ResetTo>(&op)) {
      const std::uint64_t gone =
          reset->keeps_later ? reset->snapshot.position.value() - log.base.position.value() : log.slots.size();
      log.slots.erase(log.slots.begin(),
                      log.slots.begin() + static_cast<std::ptrdiff_t>(std::min<std::size_t>(gone, log.slots.size())));
      log.base = reset->snapshot;
    }
  }
}

const Ledger::Slot* Ledger::find(const ReplicaName& replica, Position position) const {
  const auto log = logs_.find(replica);
  if (log == logs_.end() || position <= log->second.base.position) {
    return nullptr;
  }
  const std::uint64_t index = position.value() - log->second.base.position.value() - 1;
  return index < log->second.slots.size() ? &log->second.slots[index] : nullptr;
}

EntryId Ledger::last_of(const ReplicaName& replica) const {
  const auto log = logs_.find(replica);
  if (log == logs_.end()) {
    return {};
  }
  const auto& [id, slots] = std::tie(log->second.base, log->second.slots);
  return slots.empty() ? id : EntryId{Position(id.position.value() + slots.size()), slots.back().tag};
}

Tag Ledger::tag_at(const ReplicaName& replica, Position position) const {
  const Slot* slot = find(replica, position);
  if (slot != nullptr) {
    return slot->tag;
  }
  const auto log = logs_.find(replica);
  return log != logs_.end() && position == log->second.base.position ? log->second.base.tag : Tag();
}

Position Ledger::base_of(const ReplicaName& replica) const {
  const auto log = logs_.find(replica);
  return log == logs_.end() ? Position() : log->second.base.position;
}

std::uint64_t Ledger::value_of(GroupId group, EntryId id) const {
  const auto value = values_.find({group, id.position, id.tag});
  return value == values_.end() ? 0 : value->second;
}

std::uint64_t Ledger::value_of(const consensus::Entry& entry) {
  Hasher hasher;
  hasher.add(static_cast<std::uint64_t>(entry.kind));
  hasher.add(entry.payload.view());
  return hasher.value();
}

bool Ledger::has_durably(const ReplicaName& replica, EntryId id) const {
  const auto log = logs_.find(replica);
  if (log == logs_.end()) {
    return false;
  }
  if (id.position <= log->second.base.position) {
    return true;
  }
  const Slot* slot = find(replica, id.position);
  return slot != nullptr && slot->tag == id.tag && slot->io <= log->second.durable;
}

Io Ledger::unsynced_state(const ReplicaName& replica) const {
  const auto log = logs_.find(replica);
  return log == logs_.end() || log->second.state <= log->second.durable ? Io() : log->second.state;
}

}  // namespace quorate::sim
