#include "group/applier.h"

#include <algorithm>

#include "base/assert.h"
#include "base/plant.h"
#include "consensus/contract/membership_codec.h"

namespace quorate::group {

using consensus::EntryKind;
using storage::LogEntry;

Applier::Applier(GroupId group, NodeParts& node, const ReplicaLimits& limits, state::StateMachine& machine,
                 Proposals& proposals, Position executed, Callback<> resume)
    : group_(group),
      node_(node),
      limits_(limits),
      machine_(machine),
      proposals_(proposals),
      resume_(resume),
      committed_(executed),
      executed_(executed) {}

void Applier::commit(Position up_to) {
  QUORATE_ASSERT(up_to >= committed_, "what is committed stays committed", group_, up_to, committed_);
  committed_ = up_to;
}

void Applier::run(std::vector<Context>& replaced) {
  std::size_t entries = 0;
  std::size_t bytes = 0;
  while (waiting_ == Waiting::nothing && !stopped_ && executed_ < committed_) {
    if (entries >= limits_.slice_entries || bytes >= limits_.slice_bytes) {
      wait_for_next_turn();
      return;
    }
    const Position last(std::min(committed_.value(), executed_.value() + (limits_.slice_entries - entries)));
    slice_.clear();
    if (!node_.log.cached(group_, executed_.next(), last, limits_.slice_bytes - bytes, slice_)) {
      fetch();
      return;
    }
    QUORATE_ASSERT(!slice_.empty(), "the log's cache gives at least the first entry", group_, executed_);
    for (const LogEntry& entry : slice_) {
      if (stopped_ || !execute(entry)) {
        break;
      }
      ++entries;
      bytes += entry.payload.size();
      if (const std::optional<Context> context = proposals_.on_executed(entry.id)) {
        replaced.push_back(*context);
      }
    }
    slice_.clear();
  }
}

/// Whatever the old state waited for wakes nobody, or wakes too early, which does no harm.
void Applier::reset(Position position) {
  waiting_ = Waiting::nothing;
  committed_ = position;
  executed_ = position;
}

bool Applier::execute(const LogEntry& entry) {
  QUORATE_ASSERT(entry.id.position == executed_.next(), "entries are executed in order, once each", group_,
                 entry.id.position, executed_);
  QUORATE_ASSERT(entry.id.position <= committed_, "only committed entries are executed", group_, entry.id.position);
  if (static_cast<EntryKind>(entry.kind) == EntryKind::configuration) {
    configure(entry);
    executed_ = entry.id.position;
    return true;
  }
  if (static_cast<EntryKind>(entry.kind) != EntryKind::command) {
    machine_.skip(entry.id.position);
    executed_ = entry.id.position;
    return true;
  }
  const auto ready = Callback<>::to<&Applier::on_ready>(this);
  if (machine_.execute(entry.id, entry.payload, ready) == state::Execution::pending) {
    if (!QUORATE_PLANT(skip_entry_on_pending)) {
      waiting_ = Waiting::record;
      node_.traces.trace({"group.execution_pending", group_.value(), entry.id.position.value()});
      return false;
    }
    machine_.skip(entry.id.position);
  }
  executed_ = entry.id.position;
  return true;
}

void Applier::configure(const LogEntry& entry) {
  const std::optional<consensus::Configuration> read = consensus::decode_configuration(entry.payload.view());
  QUORATE_ASSERT(read.has_value(), "the core checked what it took", group_, entry.id.position);
  const std::vector<NodeId> members = read->membership.all_nodes();
  std::vector<std::string> texts;
  for (const consensus::Contact& contact : read->contacts) {
    texts.push_back(consensus::contact_text(contact));
  }
  std::vector<state::MemberContact> contacts;
  for (std::size_t i = 0; i < texts.size(); ++i) {
    contacts.push_back({read->contacts[i].node, texts[i]});
  }
  machine_.configure(entry.id.position, members, contacts);
}

void Applier::fetch() {
  waiting_ = Waiting::disk;
  node_.traces.trace({"group.execution_fetches", group_.value(), executed_.next().value()});
  node_.log.fetch(group_, executed_.next(), committed_, limits_.slice_bytes,
                  Callback<Status>::to<&Applier::on_fetched>(this));
}

void Applier::wait_for_next_turn() {
  waiting_ = Waiting::next_turn;
  node_.traces.trace({"group.execution_sliced", group_.value(), committed_.value() - executed_.value()});
  next_turn_ = node_.loop.arm(node_.clock.now(), Callback<>::to<&Applier::on_next_turn>(this));
}

void Applier::wake(Waiting from) {
  if (waiting_ != from || stopped_) {
    return;
  }
  waiting_ = Waiting::nothing;
  resume_();
}

void Applier::on_ready(std::uint64_t) { wake(Waiting::record); }

void Applier::on_fetched(std::uint64_t, Status fetched) {
  if (!fetched && !stopped_) {
    node_.owner.on_fatal(fetched.error());
    return;
  }
  wake(Waiting::disk);
}

void Applier::on_next_turn(std::uint64_t) {
  next_turn_ = 0;
  wake(Waiting::next_turn);
}

void Applier::stop() {
  stopped_ = true;
  if (next_turn_ != 0) {
    node_.loop.cancel(next_turn_);
    next_turn_ = 0;
  }
}

}  // namespace quorate::group
