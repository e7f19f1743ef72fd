#include "sim/membership_ledger.h"

#include <algorithm>
#include <utility>
#include <variant>

#include "base/assert.h"
#include "consensus/contract/membership_codec.h"

namespace quorate::sim {
namespace {

using Versions = MembershipLedger::Versions;

consensus::Membership membership_in(ByteView payload) {
  std::optional<consensus::Configuration> configuration = consensus::decode_configuration(payload);
  QUORATE_ASSERT(configuration.has_value(), "a core writes configurations that decode");
  return std::move(configuration->membership);
}

/// Whatever stood at this position stands there no more.
void erase_at(Versions& versions, Position position) {
  const auto at = std::ranges::find(versions, position, [](const auto& version) { return version.id.position; });
  if (at != versions.end() && at != versions.begin()) {
    versions.erase(at);
  }
}

void put(Versions& versions, const consensus::Entry& entry) {
  erase_at(versions, entry.id.position);
  if (entry.kind == consensus::EntryKind::configuration) {
    const auto behind = std::ranges::find_if(
        versions, [&entry](const auto& version) { return version.id.position > entry.id.position; });
    versions.insert(behind, {entry.id, membership_in(entry.payload.view())});
  }
}

/// The log begins behind `id`; what stood behind that stays, or goes.
void begin_behind(Versions& versions, EntryId id, const consensus::Membership& membership, bool keeps_later) {
  std::erase_if(versions, [&](const auto& version) { return version.id.position <= id.position || !keeps_later; });
  versions.insert(versions.begin(), {id, membership});
}

}  // namespace

void MembershipLedger::start(const ReplicaName& replica, const consensus::PersistedState& state) {
  Versions& versions = logs_[replica];
  const bool is_founded = state.membership.all_nodes().empty();
  versions = {{state.discarded, is_founded ? founders_ : state.membership}};
  for (const consensus::PersistedState::Slot& slot : state.log) {
    if (slot.kind == consensus::EntryKind::configuration) {
      versions.push_back({slot.id, membership_in(slot.payload.view())});
    }
  }
}

void MembershipLedger::apply(const consensus::Persist& persist, Versions& versions) {
  for (const consensus::PersistOp& op : persist.ops) {
    if (const auto* entry = std::get_if<consensus::Put>(&op)) {
      put(versions, entry->entry);
    } else if (const auto* cut = std::get_if<consensus::TruncateFrom>(&op)) {
      const auto from = std::ranges::find_if(
          versions, [cut](const Version& version) { return version.id.position >= cut->position; });
      versions.erase(std::max(from, std::next(versions.begin())), versions.end());
    } else if (const auto* discard = std::get_if<consensus::DiscardBelow>(&op)) {
      begin_behind(versions, discard->id, discard->membership, true);
    } else if (const auto* reset = std::get_if<consensus::ResetTo>(&op)) {
      begin_behind(versions, reset->snapshot, reset->membership, reset->keeps_later);
    }
  }
}

std::optional<MembershipLedger::Version> MembershipLedger::new_latest(const ReplicaName& replica,
                                                                      const consensus::Persist& persist) const {
  const Versions& before = of(replica);
  const Position latest = before.back().id.position;
  const bool may_change = std::ranges::any_of(persist.ops, [latest](const consensus::PersistOp& op) {
    const auto* entry = std::get_if<consensus::Put>(&op);
    const auto* cut = std::get_if<consensus::TruncateFrom>(&op);
    return (entry != nullptr &&
            (entry->entry.kind == consensus::EntryKind::configuration || entry->entry.id.position <= latest)) ||
           (cut != nullptr && cut->position <= latest) || std::holds_alternative<consensus::ResetTo>(op);
  });
  if (!may_change) {
    return std::nullopt;  // almost always
  }
  Versions after = before;
  apply(persist, after);
  return after.back().id == before.back().id ? std::nullopt : std::optional(after.back());
}

const MembershipLedger::Version& MembershipLedger::in_force_at(const ReplicaName& replica, Position position) const {
  const Versions& versions = of(replica);
  const auto later =
      std::ranges::find_if(versions, [position](const Version& version) { return version.id.position > position; });
  return later == versions.begin() ? versions.front() : *std::prev(later);
}

}  // namespace quorate::sim
