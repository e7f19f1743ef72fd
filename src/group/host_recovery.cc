// How a host's groups come back from the disk: what each replica begins with, payloads that others must bring first,
// and what of that the log has to know.

#include <algorithm>
#include <iterator>
#include <utility>

#include "base/assert.h"
#include "base/plant.h"
#include "consensus/contract/membership_codec.h"
#include "group/host_runtime.h"
#include "group/recovered_state.h"
#include "group/salvage.h"
#include "group/snapshot_receiver.h"

namespace quorate::group {
namespace {

constexpr Duration kRecoveredCheckInterval = std::chrono::milliseconds(100);

/// Whose records are the group's: the log says so.
Generation generation_of(const storage::RecoveredGroup* recovered) {
  if (recovered == nullptr || recovered->generation.is_none()) {
    return state::kFirstGeneration;
  }
  return QUORATE_PLANT(keeps_old_generation) ? recovered->generation.previous() : recovered->generation;
}

/// The memberships that the log holds, by position.
std::vector<std::pair<Position, consensus::Membership>> changes_in(const consensus::PersistedState& state) {
  std::vector<std::pair<Position, consensus::Membership>> changes;
  for (const consensus::PersistedState::Slot& slot : state.log) {
    if (slot.kind == consensus::EntryKind::configuration) {
      if (std::optional<consensus::Configuration> read = consensus::decode_configuration(slot.payload.view())) {
        changes.emplace_back(slot.id.position, std::move(read->membership));
      }
    }
  }
  return changes;
}

/// What was in force at the position that the state machine has executed, and which was therefore committed.
consensus::Membership executed_membership(const ReplicaStart& start) {
  const auto later =
      std::ranges::find_if(start.changes, [&start](const auto& change) { return change.first > start.executed; });
  return later == start.changes.begin() ? start.membership : std::prev(later)->second;
}

bool is_configuration(const storage::LogEntry& entry) {
  return entry.kind == static_cast<std::uint8_t>(consensus::EntryKind::configuration);
}

/// The entries whose payloads are damaged, and which the records do not contain.
std::vector<storage::LogEntry> lacking(const storage::RecoveredGroup& group, Position applied) {
  std::vector<storage::LogEntry> entries;
  for (const storage::LogEntry& entry : group.entries) {
    if (entry.id.position > applied && std::ranges::binary_search(group.unreadable, entry.id.position)) {
      entries.push_back(entry);
    }
  }
  return entries;
}

}  // namespace

// ---- what a replica begins with ---------------------------------------------------------------------------

Result<ReplicaStart> HostRuntime::recover_group(const GroupConfig& config, state::StateMachine& machine) {
  storage::RecoveredGroup* recovered = find_recovered(config.group);
  Generation generation = generation_of(recovered);
  Result<Position> applied = machine.recover(generation);
  if (!applied) {
    found_damaged_records_ = applied.error().code == ErrorCode::corrupt;
    return std::unexpected<Error>(applied.error());
  }
  if (recovered == nullptr && !applied->is_none()) {
    recovered = &note_lost_log(config.group);
  }
  const Generation highest = highest_generation(environment_.records, config.group, generation);
  if (recovered == nullptr) {
    return make_start(config, nullptr, {}, {*applied, generation, highest});
  }
  std::vector<storage::LogEntry> lost = lacking(*recovered, *applied);
  storage::RecoveredGroup whole = lost.empty() ? storage::RecoveredGroup() : *recovered;
  Salvage rest = salvage(*recovered, *applied, config_.records_laid_aside);
  if (rest.blank) {
    generation = highest.next();
    begin_blank(*recovered, rest, generation);
    applied = machine.recover(generation);
    QUORATE_ASSERT(applied == Position(), "an unused generation is empty", config.group, generation);
  }
  const Records records{*applied, generation, rest.blank ? generation : highest};
  if (!lost.empty() && !rest.blank) {
    forget_commands(whole);
    mender_.lacks(config.group, std::move(lost));
    mending_.insert_or_assign(config.group, Mending{config, std::move(whole), records});
  }
  return make_start(config, recovered, std::move(rest), records);
}

/// The core keeps ids, the log keeps payloads.
void HostRuntime::forget_commands(storage::RecoveredGroup& group) {
  for (storage::LogEntry& entry : group.entries) {
    if (!is_configuration(entry)) {
      entry.payload = {};
    }
  }
}

/// `recovered` is null for a group that this node has never had, else what salvage() has left of it.
Result<ReplicaStart> HostRuntime::make_start(GroupConfig config, storage::RecoveredGroup* recovered, Salvage rest,
                                             const Records& records) {
  Result<consensus::PersistedState> state =
      make_persisted_state(config.group, recovered, records.applied, recovery_.uncertain_tail);
  if (!state) {
    return std::unexpected<Error>(std::move(state).error());
  }
  state->loss = rest.loss;
  if (rest.loss.kind == consensus::Loss::Kind::none) {
    QUORATE_TRY(drop_other_generations(environment_.records, config.group, records.generation));
  }
  keep_contacts(*state);
  if (recovered != nullptr) {
    recovered->entries = {};
  }
  ReplicaStart start{
      .group = config.group,
      .self = config.core.self,
      .life = config_.mesh.life.incarnation,
      .generation = records.generation,
      .executed = records.applied,
      .discarded = state->discarded,
      .membership = state->membership.all_nodes().empty() ? config.core.initial_membership : state->membership,
      .changes = changes_in(*state),
      .last_generation = records.highest,
      .salvage = std::move(rest.ops)};
  committed_[config.group] = executed_membership(start);
  config.core.incarnation = config_.mesh.life.incarnation;
  start.core = config.factory.make(config.core, std::move(*state));
  return start;
}

/// What the log held of the group; null if this node has never had it. A lost frame may have been all there was of it.
storage::RecoveredGroup* HostRuntime::find_recovered(GroupId group) {
  const auto found = std::ranges::find(recovery_.groups, group, &storage::RecoveredGroup::group);
  if (found != recovery_.groups.end()) {
    return &*found;
  }
  return recovery_.lost_frames ? &note_lost_log(group) : nullptr;
}

storage::RecoveredGroup& HostRuntime::note_lost_log(GroupId group) {
  return recovery_.groups.emplace_back(storage::RecoveredGroup{.group = group, .log_lost = true, .state_lost = true});
}

// ---- payloads that others bring -----------------------------------------------------------------------------

bool HostRuntime::goes_on_without(GroupId group, const EntryId& entry, NodeId asking) const {
  const auto found = replicas_.find(group);
  return found != replicas_.end() && found->second->goes_on_without(entry, asking);
}

/// The log is what it was before the damage, and so is what the replica begins with.
void HostRuntime::on_mended(GroupId group, std::span<const storage::LogEntry> entries) {
  auto node = mending_.extract(group);
  Mending& mending = node.mapped();
  for (const storage::LogEntry& entry : entries) {
    const auto at = std::ranges::lower_bound(mending.whole.entries, entry.id.position, {},
                                             [](const storage::LogEntry& other) { return other.id.position; });
    at->payload = is_configuration(entry) ? entry.payload : Buffer();
    std::erase(mending.whole.unreadable, entry.id.position);
  }
  const Position applied = mending.records.applied;
  Salvage rest = salvage(mending.whole, applied, config_.records_laid_aside);
  Result<ReplicaStart> start = make_start(mending.config, &mending.whole, std::move(rest), mending.records);
  if (!start) {
    on_fatal(start.error());
    return;
  }
  learn_contacts(std::exchange(logged_contacts_, {}));
  ReplicaRuntime& replica = *replicas_.at(group);
  replica.begin_with(std::move(*start));
  begin(replica);
}

void HostRuntime::on_needless(GroupId group) {
  mending_.erase(group);
  begin(*replicas_.at(group));
}

/// Later than the others, so it has to hear who is linked.
void HostRuntime::begin(ReplicaRuntime& replica) {
  replica.start();
  for (const auto& [node, incarnation] : peers_) {
    if (mesh_->is_up(node)) {
      replica.on_peer_up(node, incarnation);
    }
  }
}

// ---- what the log has to know --------------------------------------------------------------------------------

std::size_t HostRuntime::groups_in_repair() const {
  return static_cast<std::size_t>(
      std::ranges::count_if(replicas_, [](const auto& one) { return one.second->has_loss(); }));
}

void HostRuntime::check_recovered(std::uint64_t) {
  recovered_timer_ = 0;
  for (const auto& [group, replica] : replicas_) {
    replica->tell_loss_made_good();
  }
  if (stopped_ || (!is_tail_open_ && !is_damage_open_ && groups_in_repair() == 0)) {
    return;
  }
  const auto all = [this](const auto& holds) {
    return std::ranges::all_of(replicas_, [&](const auto& one) { return holds(*one.second); });
  };
  if (is_tail_open_ && all([](const ReplicaRuntime& one) { return !one.status().uncertain_tail; })) {
    is_tail_open_ = false;
    environment_.traces.trace({"group.tail_settled"});
    log_->tail_settled();
  }
  if (is_damage_open_ && all([](const ReplicaRuntime& one) { return one.has_noted_loss(); })) {
    is_damage_open_ = false;
    environment_.traces.trace({"group.damage_noted"});
    log_->damage_noted();
  }
  recovered_timer_ = environment_.loop.arm(environment_.clock.now() + kRecoveredCheckInterval,
                                           Callback<>::to<&HostRuntime::check_recovered>(this));
}

}  // namespace quorate::group
